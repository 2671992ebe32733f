// Which layer of the C++ may include which: each only those below it.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** From top to bottom. Layers of one line do not include each other; flash.h and result.h are free to all. */
const layers = [
  ["addon", "backend"],
  ["experts", "neurons", "stream"],
  ["compute"],
  ["plan"],
  ["gguf"],
  ["store"],
  ["reader"],
  ["platform"],
];
const depth = new Map(layers.flatMap((line, index) => line.map((layer) => [layer, index])));

/**
 * @param {string} source the folder that holds a folder for each layer
 * @returns {Promise<string[]>} the includes that go up or sideways, and files that are in no layer; a line each
 */
export async function wrongIncludes(source) {
  const names = await readdir(source, { recursive: true });
  const files = names.filter((name) => /\.(cpp|h)$/.test(name) && name.includes(path.sep));
  const found = await Promise.all(
    files.map(async (file) => {
      const [layer = ""] = file.split(path.sep);
      const here = depth.get(layer);
      if (here === undefined) return [`${file}: ${layer} is no layer`];
      const text = await readFile(path.join(source, file), "utf8");
      const included = [...text.matchAll(/^#include "(\w+)\/[^"]+"/gm)].map(([, folder = ""]) => folder);
      const wrong = included.filter((folder) => folder !== layer && !((depth.get(folder) ?? -1) > here));
      return wrong.map((folder) => `${file}: ${layer} must not include ${folder}`);
    }),
  );
  return found.flat().sort();
}
