/** A tiny model that thinks: its template opens a thought that it never ends by itself. */
import { tinyChatModel } from "./tinyChat.js";

/** As that of Qwen3 and others: thoughts of the last answer are written, and a chat may say that it wants none. */
const template = [
  "{% for message in messages %}### {{ message.role }}:\n",
  "{% if message.role == 'assistant' and (loop.last or message.reasoning_content) %}",
  "<think>\n{{ message.reasoning_content | default('') }}\n</think>\n\n{% endif %}",
  "{{ message.content }}\n\n{% endfor %}",
  "{% if add_generation_prompt %}### assistant:\n",
  "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}{% endif %}",
].join("");

export function thinkingModel(): string {
  return tinyChatModel("tiny-thinking", (file) => {
    const tokens = file.find("tokenizer.ggml.tokens")?.value;
    if (!Array.isArray(tokens)) throw new Error("no tokens");
    tokens[5] = "<think>";
    tokens[6] = "</think>";
    return file.set("tokenizer.chat_template", template, "string");
  });
}
