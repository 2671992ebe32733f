/** What a chat template says as the system where a conversation does not: Qwen2.5's begins with "You are Qwen". */
import { Template } from "@huggingface/jinja";
import { ChatMLChatWrapper, type ChatWrapper, QwenChatWrapper } from "node-llama-cpp";

/**
 * Has the wrapper say it. node-llama-cpp's own forms of templates leave it out, though models were trained with it; one that is
 * rendered from the template has it already.
 * @throws what the template throws
 */
export function withDefaultSystemPrompt(wrapper: ChatWrapper, template: string): ChatWrapper {
  if (!(wrapper instanceof QwenChatWrapper || wrapper instanceof ChatMLChatWrapper)) return wrapper;
  const text = defaultSystemPrompt(template);
  if (text === undefined) return wrapper;
  const generate = wrapper.generateContextState.bind(wrapper);
  wrapper.generateContextState = ({ chatHistory, ...options }) => {
    const isSaid = chatHistory.some(({ type }) => type === "system");
    return generate({ ...options, chatHistory: isSaid ? chatHistory : [{ type: "system", text }, ...chatHistory] });
  };
  return wrapper;
}

function defaultSystemPrompt(template: string): string | undefined {
  const messages = [{ role: "user", content: "a" }];
  const rendered = new Template(template).render({ messages, bos_token: "", eos_token: "" });
  return /^<\|im_start\|>system\n(.+?)<\|im_end\|>/s.exec(rendered)?.[1];
}
