/** The tiny code model with a chat template: quick on any machine. What it says makes no sense, but it says it reliably. */
import { mkdirSync, renameSync } from "node:fs";
import { inCheckout } from "./flint.js";
import { GgufFile } from "./ggufFile.js";

const tiny = inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf");
const folder = inCheckout("build/test-models");

/** As Alpaca writes it, with a name for each role. */
export const plainTemplate = [
  "{% for message in messages %}### {{ message.role }}:\n{{ message.content }}\n\n{% endfor %}",
  "{% if add_generation_prompt %}### assistant:\n{% endif %}",
].join("");

/** Writes it under a name of its own. @returns its path */
export function tinyChatModel(name: string, change: (file: GgufFile) => GgufFile | undefined): string {
  mkdirSync(folder, { recursive: true });
  const file = GgufFile.read(tiny);
  change(file);
  const path = `${folder}/${name}.gguf`;
  // Another worker may load it now.
  file.write(`${path}.${process.pid}`);
  renameSync(`${path}.${process.pid}`, path);
  return path;
}

/** The tiny model with this template. */
export const withTemplate = (name: string, template: string): string =>
  tinyChatModel(name, (file) => file.set("tokenizer.chat_template", template, "string"));
