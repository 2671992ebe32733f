/** The form that a model was trained to chat in: from its file, by node-llama-cpp. */
import { basename } from "node:path";
import * as l10n from "@vscode/l10n";
import {
  ChatMLChatWrapper,
  type ChatWrapper,
  GemmaChatWrapper,
  GeneralChatWrapper,
  JinjaTemplateChatWrapper,
  Llama3ChatWrapper,
  type LlamaModel,
  MistralChatWrapper,
  QwenChatWrapper,
  resolveChatWrapper,
} from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { ErrorCode, type LoadResult } from "../../protocol/messages.js";
import { withDefaultSystemPrompt } from "./defaultSystemPrompt.js";
import { TimeLimitError, withTimeLimit } from "./timeLimit.js";

export interface ChatTemplate extends Pick<LoadResult, "chatTemplate" | "chatNote" | "thinking"> {
  wrapper: ChatWrapper;
  /** The same, asking the model not to think. Absent where the template has no way for that. */
  withoutThinking?: ChatWrapper;
}

/**
 * For a template to be looked at: node-llama-cpp renders it some hundred times with what it knows of others. In milliseconds; a
 * second is usual.
 */
const resolveMs = 20_000;
/** For a conversation to be rendered: milliseconds are usual. */
const renderMs = 10_000;

/** Tokens that a model was trained to chat with, and what is written with them. */
const marks: Record<string, () => ChatWrapper> = {
  "<|im_start|>": () => new ChatMLChatWrapper(),
  "<start_of_turn>": () => new GemmaChatWrapper(),
  "<|start_header_id|>": () => new Llama3ChatWrapper(),
  "[INST]": () => new MistralChatWrapper(),
  "<|assistant|>": () => new GeneralChatWrapper(),
  "<|Assistant|>": () => new GeneralChatWrapper(),
  "<｜Assistant｜>": () => new GeneralChatWrapper(),
  "<|START_OF_TURN_TOKEN|>": () => new GeneralChatWrapper(),
};

/** As `LoadResult` tells it. node-llama-cpp writes a template that it knows itself, and renders any other with its Jinja. */
export function chatTemplateOf(model: LlamaModel, modelPath: string): ChatTemplate {
  const template = model.fileInfo.metadata.tokenizer.chat_template;
  if (typeof template === "string" && template.trim() !== "") {
    try {
      const wrapper = withTimeLimit(resolveMs, () =>
        resolveChatWrapper(model, { fallbackToOtherWrappersOnJinjaError: false, warningLogs: false }),
      );
      return { ...thinkingOf(model, template, wrapper), chatTemplate: "model" };
    } catch (error) {
      const name = basename(modelPath);
      return {
        wrapper: plainWrapper(model),
        thinking: "none",
        chatTemplate: "plain",
        chatNote:
          error instanceof TimeLimitError
            ? l10n.t(
                "The chat template of {0} runs without end, so a plain one is used. Answers may be worse than the model could give.",
                name,
              )
            : l10n.t(
                "The chat template of {0} cannot be read, so a plain one is used. Answers may be worse than the model could give.",
                name,
              ),
      };
    }
  }
  if (hasMarks(model)) {
    return {
      wrapper: plainWrapper(model),
      thinking: "none",
      chatTemplate: "plain",
      chatNote: l10n.t(
        "{0} has no chat template, so a plain one is used. Answers may be worse than the model could give.",
        basename(modelPath),
      ),
    };
  }
  return {
    wrapper: new GeneralChatWrapper(),
    thinking: "none",
    chatTemplate: "none",
    chatNote: l10n.t(
      "{0} is a base model: it continues text, which is enough for inline suggestions, but was not trained to answer questions. For chat, choose one whose name says Instruct or Chat, such as {1}.",
      basename(modelPath),
      "Qwen2.5-Coder-1.5B-Instruct",
    ),
  };
}

const tokensOf = (model: LlamaModel): readonly string[] => model.fileInfo.metadata.tokenizer.ggml.tokens;
const hasMarks = (model: LlamaModel): boolean => tokensOf(model).some((token) => Object.hasOwn(marks, token));

/** With the tokens that the model has for it. */
function plainWrapper(model: LlamaModel): ChatWrapper {
  const tokens = new Set(tokensOf(model));
  const mark = Object.keys(marks).find((name) => tokens.has(name));
  return (mark === undefined ? undefined : marks[mark]?.()) ?? new GeneralChatWrapper();
}

/** Whether the template knows of thoughts, and how it is told that there should be none. */
function thinkingOf(
  model: LlamaModel,
  template: string,
  wrapper: ChatWrapper,
): Pick<ChatTemplate, "wrapper" | "withoutThinking" | "thinking"> {
  const prepared = (each: ChatWrapper) =>
    limited(withTimeLimit(resolveMs, () => withDefaultSystemPrompt(each, template)));
  // node-llama-cpp knows one form for all models of a family, also for those that do not think.
  if (!wrapper.settings.segments?.thought || !/think|reason/i.test(template)) {
    return { wrapper: prepared(wrapper), thinking: "none" };
  }
  const without = withTimeLimit(resolveMs, () => withoutThinkingOf(model, wrapper));
  return without
    ? { wrapper: prepared(wrapper), withoutThinking: prepared(without), thinking: "optional" }
    : { wrapper: prepared(wrapper), thinking: "always" };
}

function withoutThinkingOf(model: LlamaModel, wrapper: ChatWrapper): ChatWrapper | undefined {
  if (wrapper instanceof QwenChatWrapper) {
    const { variation, keepOnlyLastThought } = wrapper;
    return new QwenChatWrapper({ variation, keepOnlyLastThought, thoughts: "discourage" });
  }
  if (!(wrapper instanceof JinjaTemplateChatWrapper)) return undefined;
  const { template } = wrapper;
  const without = new JinjaTemplateChatWrapper({ template, tokenizer: model.tokenizer, reasoning: false });
  const rendered = ({ template: _, ...each }: ChatWrapper & { template: string }) =>
    JSON.stringify(each.settings.segments);
  const opened = (each: ChatWrapper) =>
    each.generateContextState({
      chatHistory: [
        { type: "user", text: "a" },
        { type: "model", response: [] },
      ],
    }).contextText;
  const differs = rendered(without) !== rendered(wrapper) || !opened(without).compare(opened(wrapper));
  return differs ? without : undefined;
}

/** A template may run without end for some conversations only. */
function limited(wrapper: ChatWrapper): ChatWrapper {
  const generate = wrapper.generateContextState.bind(wrapper);
  wrapper.generateContextState = (options) => {
    try {
      return withTimeLimit(renderMs, () => generate(options));
    } catch (error) {
      const message =
        error instanceof TimeLimitError
          ? l10n.t("The model's chat template runs without end. Choose another model.")
          : l10n.t("The model's chat template fails: {0}. Choose another model.", firstLine(error));
      throw engineError(ErrorCode.NotAModel, message);
    }
  };
  return wrapper;
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
