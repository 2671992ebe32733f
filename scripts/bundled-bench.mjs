// Benchmarks of what is written in TypeScript: it is bundled first.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { root } from "./root.mjs";

/**
 * @param {string} entry a TypeScript file, from the checkout's root
 * @returns {Promise<any>} its module
 */
export async function importBundled(entry) {
  const outfile = path.join(root, "build/test", `${path.basename(path.dirname(entry))}-bench.mjs`);
  await build({
    entryPoints: [path.join(root, entry)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    // Scripts and what tests start are found by their own place.
    plugins: [
      {
        name: "scripts",
        setup: ({ onResolve }) => {
          onResolve({ filter: /\/scripts\/[\w-]+\.mjs$/ }, ({ path: file, resolveDir }) => ({
            path: pathToFileURL(path.resolve(resolveDir, file)).href,
            external: true,
          }));
        },
      },
    ],
    packages: "external",
  });
  return import(pathToFileURL(outfile).href);
}

/**
 * Runs `main` of a benchmark.
 * @param {string} entry its file, from the checkout's root
 * @param {string[]} args
 */
export async function runBenchmark(entry, args) {
  const { main } = await importBundled(entry);
  await main(args);
}
