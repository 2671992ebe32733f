/** Which llama.cpp is inside node-llama-cpp. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The release's tag, from node-llama-cpp's own file. */
export function llamaCppRelease(): string {
  const file = fileURLToPath(new URL("../llama/llama.cpp.info.json", import.meta.resolve("node-llama-cpp")));
  const info: { tag: string } = JSON.parse(readFileSync(file, "utf8"));
  return info.tag;
}
