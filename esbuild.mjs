// Bundles the TypeScript: one file for each place it runs in. The C++ is built by scripts/build.mjs.
// --production: small, without source maps. --watch: again after each change, until it is ended.
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { basename } from "node:path";
import { context } from "esbuild";
import { programBundle, sidecarBundle } from "./scripts/program-bundle.mjs";

const production = process.argv.includes("--production");
const watch = process.argv.includes("--watch");
/** @type {import("esbuild").BuildOptions} */
const shared = { bundle: true, sourcemap: production ? false : "linked", minify: production, logLevel: "warning" };
/** @type {import("esbuild").BuildOptions[]} */
const bundles = [
  {
    ...shared,
    platform: "node",
    target: "node20",
    entryPoints: ["extension/main.ts"],
    outfile: "dist/extension.cjs",
    format: "cjs",
    external: ["vscode"],
  },
  {
    ...sidecarBundle,
    ...shared,
    entryPoints: { sidecar: "engine-native/sidecar/main.ts" },
    outdir: "dist",
  },
  {
    ...programBundle,
    ...shared,
    entryPoints: { flint: "cli/main.ts" },
    outdir: "dist",
    // What only one command needs is read by that one only.
    splitting: true,
    chunkNames: "part-[name]-[hash]",
  },
  {
    ...shared,
    platform: "browser",
    target: "chrome120",
    entryPoints: { webview: "webview/main.ts" },
    outdir: "dist",
    format: "esm",
    loader: { ".ttf": "file" },
  },
];

let underWay = 0;
/**
 * Says when bundling begins and ends, as .vscode/tasks.json reads it.
 * @type {import("esbuild").Plugin}
 */
const announce = {
  name: "announce",
  setup({ onStart, onEnd }) {
    onStart(() => {
      if (underWay++ === 0) console.log("Bundling …");
    });
    onEnd(({ errors }) => {
      for (const { text, location } of errors) {
        const place = location ? `${location.file}:${location.line}:${location.column + 1}: ` : "";
        console.log(`${place}error: ${text}`);
      }
      if (--underWay === 0) console.log("Bundled.");
    });
  },
};

/** Of languages that suggestions are checked in; a grammar of C++ would be as large as all of them together. */
const grammars = ["go", "java", "javascript", "python", "rust", "tsx", "typescript"];
const treeSitter = ["LICENSE", "wasm/tree-sitter.wasm", ...grammars.map((name) => `wasm/tree-sitter-${name}.wasm`)];

await mkdir("dist/grammars", { recursive: true });
// Their names change with what is in them.
for (const name of await readdir("dist")) if (name.startsWith("part-")) await rm(`dist/${name}`);
await Promise.all([
  copyFile("engine-native/convert/calibration.txt", "dist/calibration.txt"),
  copyFile("engine-native/convert/calibration.LICENSES.txt", "dist/calibration.LICENSES.txt"),
  ...treeSitter.map((file) =>
    copyFile(`node_modules/@vscode/tree-sitter-wasm/${file}`, `dist/grammars/${basename(file)}`),
  ),
]);
const contexts = await Promise.all(
  bundles.map((options) =>
    context(watch ? { ...options, logLevel: "silent", plugins: [...(options.plugins ?? []), announce] } : options),
  ),
);
if (watch) {
  await Promise.all(contexts.map((each) => each.watch()));
} else {
  await Promise.all(contexts.map((each) => each.rebuild()));
  await Promise.all(contexts.map((each) => each.dispose()));
}
