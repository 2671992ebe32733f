// Bundles the TypeScript: one file for each place it runs in. The C++ is built by scripts/build.mjs.
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { build } from "esbuild";

const production = process.argv.includes("--production");
/** @type {import("esbuild").BuildOptions} */
const shared = { bundle: true, sourcemap: production ? false : "linked", minify: production, logLevel: "warning" };
/** @type {import("esbuild").BuildOptions} */
const node = { ...shared, platform: "node", target: "node20" };

/** @type {import("esbuild").BuildOptions} */
const program = {
  ...node,
  outdir: "dist",
  format: "esm",
  external: ["node-llama-cpp"],
  // CommonJS libraries inside an ES module need a require of their own.
  banner: {
    js: 'import { createRequire as flintCreateRequire } from "node:module"; const require = flintCreateRequire(import.meta.url);',
  },
};

await mkdir("dist", { recursive: true });
// Their names change with what is in them.
for (const name of await readdir("dist")) if (name.startsWith("part-")) await rm(`dist/${name}`);
await Promise.all([
  copyFile("engine-native/convert/calibration.txt", "dist/calibration.txt"),
  copyFile("engine-native/convert/calibration.LICENSES.txt", "dist/calibration.LICENSES.txt"),
  build({
    ...node,
    entryPoints: ["extension/main.ts"],
    outfile: "dist/extension.cjs",
    format: "cjs",
    external: ["vscode"],
  }),
  build({ ...program, entryPoints: { sidecar: "engine-native/sidecar/main.ts" } }),
  build({
    ...program,
    entryPoints: { flint: "engine-native/cli/main.ts" },
    // What only one command needs is read by that one only.
    splitting: true,
    chunkNames: "part-[name]-[hash]",
  }),
  build({
    ...shared,
    platform: "browser",
    target: "chrome120",
    entryPoints: { webview: "webview/main.ts" },
    outdir: "dist",
    format: "esm",
    loader: { ".ttf": "file" },
  }),
]);
