// Bundles the TypeScript: one file for each place it runs in. The C++ is built by scripts/build.mjs.
import { copyFile, mkdir } from "node:fs/promises";
import { build } from "esbuild";

const production = process.argv.includes("--production");
/** @type {import("esbuild").BuildOptions} */
const shared = { bundle: true, sourcemap: production ? false : "linked", minify: production, logLevel: "warning" };
/** @type {import("esbuild").BuildOptions} */
const node = { ...shared, platform: "node", target: "node20" };

await mkdir("dist", { recursive: true });
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
  build({
    ...node,
    entryPoints: { sidecar: "engine-native/sidecar/main.ts", flint: "engine-native/cli/main.ts" },
    outdir: "dist",
    format: "esm",
    external: ["node-llama-cpp"],
    // CommonJS libraries inside an ES module need a require of their own.
    banner: {
      js: 'import { createRequire as flintCreateRequire } from "node:module"; const require = flintCreateRequire(import.meta.url);',
    },
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
