/**
 * Tool calls whose form is forced: node-llama-cpp knows each template's own form and makes grammars for names and parameters; this file
 * tells it what the client's tools are, and gives back calls as the client's schemas have them.
 */
import { randomUUID } from "node:crypto";
import * as l10n from "@vscode/l10n";
import { type ChatModelFunctions, ChatWrapper, LlamaText } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import type { ToolCall, ToolDefinition } from "../../protocol/messages/tools.js";
import { type ChatParams, ErrorCode } from "../../protocol/messages.js";
import { grammarSchema, withoutNulls } from "./jsonSchema.js";

/** The tools of one request; undefined in {@link toolUse} where the model may call none. */
export interface ToolUse {
  /** What the model may call now, for node-llama-cpp. */
  functions: ChatModelFunctions;
  /** The template, telling of all tools and with their schemas as the client wrote them. */
  wrapper(base: ChatWrapper): ChatWrapper;
  /** The same, beginning with a call of this tool. */
  forcing(name: string): ToolUse;
  maximumCalls?: number;
  names: readonly string[];
  callOf(name: string, params: unknown): ToolCall;
}

type Request = Pick<ChatParams, "tools" | "toolChoice" | "parallelToolCalls">;

/** @throws ResponseError InvalidArgument where the tool that must be called is not among the tools. */
export function toolUse({ tools = [], toolChoice = "auto", parallelToolCalls = true }: Request): ToolUse | undefined {
  const named = typeof toolChoice === "object" ? toolChoice.name : undefined;
  if (named !== undefined && !tools.some(({ name }) => name === named)) {
    throw engineError(
      ErrorCode.InvalidArgument,
      `toolChoice names ${JSON.stringify(named)}, which is not among the tools.`,
    );
  }
  if (tools.length === 0 || toolChoice === "none") return undefined;
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const documented = functionsOf(tools, (parameters) => parameters);
  const use = (allowed: readonly ToolDefinition[], forced: boolean): ToolUse => ({
    functions: functionsOf(allowed, (parameters) => grammarSchema(parameters, "nullable")),
    wrapper: (base) => toolWrapper(base, documented, forced),
    forcing: (name) =>
      use(
        [byName.get(name)].filter((tool) => tool !== undefined),
        true,
      ),
    names: [...byName.keys()],
    ...(parallelToolCalls ? {} : { maximumCalls: 1 }),
    callOf: (name, params) => {
      const args = withoutNulls(params ?? {}, byName.get(name)?.parameters);
      return { id: `call_${randomUUID().replaceAll("-", "")}`, name, arguments: JSON.stringify(args) };
    },
  });
  if (named !== undefined) return use(tools, true).forcing(named);
  return use(tools, toolChoice === "required");
}

function functionsOf(tools: readonly ToolDefinition[], convert: (parameters: object) => object): ChatModelFunctions {
  return Object.fromEntries(
    tools.map(({ name, description, parameters }) => [
      name,
      {
        ...(description === undefined ? {} : { description }),
        ...(parameters && takesParameters(parameters) ? { params: convert(parameters) as never } : {}),
      },
    ]),
  );
}

/** Whether there is anything to write between the braces. */
function takesParameters({ properties, additionalProperties, type, ...rest }: Record<string, unknown>): boolean {
  const named = typeof properties === "object" && properties !== null && Object.keys(properties).length > 0;
  const other = ["$ref", "anyOf", "oneOf", "allOf"].some((keyword) => keyword in rest);
  return named || other || (additionalProperties !== undefined && additionalProperties !== false);
}

const marker = "flint result";

/**
 * The template of `base`, with the tools as the client described them instead of as their grammars need them, and results as they are
 * instead of as JSON strings.
 * @param forced the answer begins with a call
 */
export function toolWrapper(
  base: ChatWrapper,
  documented: ChatModelFunctions | undefined,
  forced: boolean,
): ChatWrapper {
  const wrapper: ChatWrapper = Object.create(base);
  wrapper.generateContextState = (options) => {
    const state = contextState(base, wrapper, options, documented);
    if (!forced || !options.availableFunctions) return state;
    const { contextText, stopGenerationTriggers, ignoreStartText = [] } = state;
    const functionCall = { initiallyEngaged: true, disengageInitiallyEngaged: [] };
    return { contextText, stopGenerationTriggers, ignoreStartText, functionCall };
  };
  wrapper.generateFunctionCallResult = (name, params, result) => {
    const render = (value: unknown) => base.generateFunctionCallResult.call(wrapper, name, params, value);
    if (typeof result !== "string") return render(result);
    return LlamaText(
      render(marker).mapValues((value) =>
        typeof value === "string"
          ? value.replaceAll(JSON.stringify(marker), marker).replaceAll(marker, () => result)
          : value,
      ),
    );
  };
  return wrapper;
}

type ContextOptions = Parameters<ChatWrapper["generateContextState"]>[0];

function contextState(
  base: ChatWrapper,
  wrapper: ChatWrapper,
  options: ContextOptions,
  documented: ChatModelFunctions | undefined,
) {
  const render = (functions: ChatModelFunctions | undefined) =>
    base.generateContextState.call(wrapper, { ...options, ...(functions ? { availableFunctions: functions } : {}) });
  if (!options.availableFunctions) return render(undefined);
  try {
    return render(documented);
  } catch {
    // Not every template's way to describe a tool takes every schema: what the grammar has is described then.
    return render(options.availableFunctions);
  }
}

/** Why agents should not be offered this model; undefined where its template has a form for tool calls. */
export function toolsRefusal(template: string | undefined, wrapper: ChatWrapper | undefined): string | undefined {
  if (template === undefined) {
    return l10n.t("It has no chat template, so it was not trained to chat or to call tools.");
  }
  const functions = wrapper?.settings.functions ?? ChatWrapper.defaultSettings.functions;
  if (functions !== ChatWrapper.defaultSettings.functions || /\btools?\b|tool_call/.test(template)) return undefined;
  return l10n.t("Its chat template has no form for tool calls, so it was not trained to call tools.");
}
