/** Tiny models of architectures that the fixtures have not, such as those whose state cannot be taken back. */
import { execFile } from "node:child_process";
import { mkdir, rename, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { inCheckout } from "./flint.js";
import { GgufFile } from "./ggufFile.js";
import { vocabulary } from "./models.js";
import { type MutationShape, mutationShapes } from "./mutations.js";
import { plainTemplate } from "./tinyChat.js";

/** @returns its path. It has a chat template */
export async function tinyModelOf(shape: MutationShape): Promise<string> {
  const folder = inCheckout("build/test-models");
  await mkdir(folder, { recursive: true });
  const path = `${folder}/tiny-${shape}.gguf`;
  const written = `${path}.${process.pid}`;
  const options = [...mutationShapes[shape].split(" "), "--type", "F16", "--vocab", vocabulary("llama-spm")];
  await promisify(execFile)(inCheckout("build/native/native-tests/flint-synthesize"), [...options, "--out", written]);
  GgufFile.read(written).set("tokenizer.chat_template", plainTemplate, "string").write(`${written}.chat`);
  await rm(written);
  // Another worker may load it now.
  await rename(`${written}.chat`, path);
  return path;
}
