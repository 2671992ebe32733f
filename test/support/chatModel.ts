/** A tiny model with a chat template, so that it can be asked to call tools. What it says makes no sense. */
import { mkdir, rename } from "node:fs/promises";
import { inCheckout } from "./flint.js";
import { GgufFile } from "./ggufFile.js";

/** ChatML with tool calls as Hermes and Qwen write them. */
const template = `{%- if tools %}{{ "<|im_start|>system\\n" }}{% if messages[0].role == "system" %}{{ messages[0].content + "\\n\\n" }}{% endif %}{{ "<tools>" }}{% for tool in tools %}{{ "\\n" + (tool | tojson) }}{% endfor %}{{ "\\n</tools><|im_end|>\\n" }}
{%- elif messages[0].role == "system" %}{{ "<|im_start|>system\\n" + messages[0].content + "<|im_end|>\\n" }}{% endif %}
{%- for message in messages %}
{%- if message.role == "user" or (message.role == "assistant" and not message.tool_calls) or (message.role == "system" and not loop.first) %}{{ "<|im_start|>" + message.role + "\\n" + message.content + "<|im_end|>\\n" }}
{%- elif message.role == "assistant" %}{{ "<|im_start|>assistant" }}{% if message.content %}{{ "\\n" + message.content }}{% endif %}{% for tool_call in message.tool_calls %}{{ '\\n<tool_call>\\n{"name": "' + tool_call.function.name + '", "arguments": ' + (tool_call.function.arguments | tojson) + '}\\n</tool_call>' }}{% endfor %}{{ "<|im_end|>\\n" }}
{%- elif message.role == "tool" %}{% if loop.index0 == 0 or messages[loop.index0 - 1].role != "tool" %}{{ "<|im_start|>user" }}{% endif %}{{ "\\n<tool_response>\\n" + message.content + "\\n</tool_response>" }}{% if loop.last or messages[loop.index0 + 1].role != "tool" %}{{ "<|im_end|>\\n" }}{% endif %}
{%- endif %}{% endfor %}
{%- if add_generation_prompt %}{{ "<|im_start|>assistant\\n" }}{% endif %}`;

/** @returns the path of the model. It also has tokens for fill-in-the-middle; its context is 512 tokens. */
export async function chatModel(): Promise<string> {
  const path = inCheckout("build/test-models/tiny-chat.gguf");
  const temporary = `${path}.${process.pid}`;
  await mkdir(inCheckout("build/test-models"), { recursive: true });
  const file = GgufFile.read(inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf"));
  file.set("tokenizer.chat_template", template, "string").write(temporary);
  await rename(temporary, path);
  return path;
}
