// The models that Flint is tried and tested with, fetched by Flint's own command line.
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { cacheFolder, exists } from "../models/cache.mjs";
import { run } from "./process.mjs";
import { root } from "./root.mjs";

/** @typedef {{ file?: string, bytes?: number }} Packed */
/** @type {{ models: { id: string, title: string, source: Packed, mirror?: Packed }[] }} */
const catalog = JSON.parse(await readFile(new URL("../models/sources/catalog.json", import.meta.url), "utf8"));

/** What `npm start` talks with, and what it lets do the inline suggestions: recommended models by their id. */
export const starters = { chat: "qwen2.5-coder-1.5b", inline: "qwen2.5-coder-0.5b" };

/**
 * A recommended model.
 * @param {string} id
 * @returns {{ title: string, bytes: number, path: string }} its path is the same whether it is there or not
 */
export function recommended(id) {
  const model = catalog.models.find((one) => one.id === id);
  const { file, bytes } = { ...model?.source, ...model?.mirror };
  if (!model || file === undefined || bytes === undefined) throw new Error(`The catalog has lost ${id}.`);
  return { title: model.title, bytes, path: path.join(cacheFolder(), "models", file) };
}

/**
 * The path of a recommended model, which is fetched on the first call and kept outside the checkout. Flint is built.
 * @param {string} id
 * @param {object} [options]
 * @param {() => void} [options.onFetch] called before it is fetched, which is told on the terminal
 * @returns {Promise<string>} a GGUF file whose digest was right when it was stored
 * @throws when the network or the disk fails, or the bytes are not those of the model
 */
export async function fetchModel(id, { onFetch } = {}) {
  const { path: file } = recommended(id);
  // It has its name when it is complete, never before.
  if (await exists(file)) return file;
  onFetch?.();
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true });
  await run(process.execPath, [path.join(root, "dist/flint.js"), "download", id, "--dir", folder], { show: true });
  return file;
}

/**
 * The model of most tests: TinyLlama-1.1B-Chat, IQ2_XXS, the smallest that speaks.
 * @param {Parameters<typeof fetchModel>[1]} [options]
 */
export const starterModel = (options) => fetchModel("tinyllama", options);
