// How programs for Node are bundled, and the sidecar with node-llama-cpp in it, whose 290 files are most of its start.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { root } from "./root.mjs";

/** @type {import("esbuild").BuildOptions} */
export const programBundle = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  // CommonJS libraries inside an ES module need a require of their own.
  banner: {
    js: 'import { createRequire as flintCreateRequire } from "node:module"; const require = flintCreateRequire(import.meta.url);',
  },
};

/**
 * Its files find llama.cpp's by where they are themselves: they are told where they were.
 * @param {string} dist the folder of the bundle
 * @returns {import("esbuild").Plugin}
 */
const nodeLlamaCpp = (dist) => ({
  name: "node-llama-cpp",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]node-llama-cpp[/\\]dist[/\\].*\.js$/ }, async ({ path: file }) => {
      // It loads llama.cpp in a process of its own first, as that could end a program. A sidecar is such a process.
      if (path.basename(file) === "testBindingBinary.js") {
        return { contents: "export const testBindingBinary = () => Promise.resolve(true);" };
      }
      const place = path.relative(dist, file).split(path.sep).join("/");
      const url = `new URL(${JSON.stringify(place)}, import.meta.url).href`;
      return { contents: (await readFile(file, "utf8")).replaceAll("import.meta.url", url) };
    });
  },
});

/**
 * Of the sidecar, to be put into dist/.
 * @type {import("esbuild").BuildOptions}
 */
export const sidecarBundle = {
  ...programBundle,
  plugins: [nodeLlamaCpp(path.join(root, "dist"))],
  // Libraries of one platform each, and what is only for a program in Electron.
  external: ["@node-llama-cpp/*", "@reflink/reflink", "electron"],
};

/**
 * Bundles the sidecar once more, with another release of node-llama-cpp.
 * @param {string} folder that has it in node_modules; its dist/ gets the bundle
 */
export async function bundleSidecar(folder) {
  const { build } = await import("esbuild");
  const modules = path.join(folder, "node_modules");
  const outdir = path.join(folder, "dist");
  await build({
    ...sidecarBundle,
    absWorkingDir: root,
    plugins: [nodeLlamaCpp(outdir)],
    alias: { "node-llama-cpp": path.join(modules, "node-llama-cpp") },
    // What it needs to build llama.cpp, which it never does here, is not packaged.
    nodePaths: [path.join(root, "node_modules/node-llama-cpp/node_modules"), path.join(root, "node_modules")],
    minify: true,
    logLevel: "warning",
    entryPoints: { sidecar: "engine-native/sidecar/main.ts" },
    outdir,
  });
}
