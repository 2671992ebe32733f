// node scripts/emulated.mjs [CPU...]: runs the engine on processors that this machine does not have, emulated by QEMU:
// without AVX2 and without AVX, unless others are named (`qemu-x86_64 -cpu help`). Not part of npm test: it takes minutes.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { thisPlatform as platform } from "../protocol/platforms.mjs";
import { buildNative, buildScripts } from "./build.mjs";
import { run } from "./process.mjs";
import { root } from "./root.mjs";
import { runMain, Steps } from "./steps.mjs";

const emulator = "qemu-x86_64";
/** With SSE4.2 and nothing newer; with AVX but without AVX2. */
const usualProcessors = ["Nehalem", "SandyBridge"];

const tools = path.join(root, "build/native/native-tests");
const libraries = path.join(root, `node_modules/@node-llama-cpp/${platform}/bins/${platform}`);
const fixture = path.join(root, "test/fixtures/flint-tiny-relu2-f16.gguf");

/** Of the native tests, those of code that has kernels of its own, and of what QEMU does not have: io_uring. */
const kernelTests = ["rows are as ggml reads them", "short rows are", "reader:"];
const shape =
  "--arch arcee --type F16 --layers 2 --embd 256 --heads 4 --kv-heads 4 --ff 512 --active 10 --residual 30 --vocab-tokens 8000";

/** @param {string} processor as QEMU names it @param {string} folder to write to @returns {Promise<void>} */
async function testOn(processor, folder) {
  const emulated = (
    /** @type {string} */ program,
    /** @type {string[]} */ args,
    /** @type {NodeJS.ProcessEnv} */ env = {},
  ) => run(emulator, ["-cpu", processor, program, ...args], { env });
  await emulated(path.join(tools, "flint-processor-tests"), ["f16", "q4_0", "q4_K"]);
  await emulated(path.join(tools, "flint-native-tests"), kernelTests);

  // The command line starts the sidecar with the Node that it runs in: here with one that is emulated.
  const node = path.join(folder, "node");
  await writeFile(node, `#!/bin/sh\nexec ${emulator} -cpu ${processor} "${process.execPath}" "$@"\n`);
  await chmod(node, 0o755);
  const command = ["--import", `data:text/javascript,process.execPath=${JSON.stringify(node)}`];
  const flint = [...command, path.join(root, "dist/flint.js"), "run", fixture, "--context", "128"];
  const said = await run(process.execPath, [
    ...flint,
    "--ram-cap",
    "190MiB",
    "--prompt",
    "import os",
    "--tokens",
    "2",
    "--json",
  ]);
  /** @type {{ tokens: number[], flash: { readBytes: number } }} */
  const { tokens, flash } = JSON.parse(said.trimEnd().split("\n").at(-1) ?? "");
  if (tokens.length !== 2 || flash.readBytes === 0) throw new Error(`flint run on ${processor} said ${said}`);

  const model = path.join(folder, "model.gguf");
  const vocabulary = path.join(root, "build/llama.cpp/models/ggml-vocab-llama-spm.gguf");
  await run(path.join(tools, "flint-synthesize"), [...shape.split(" "), "--vocab", vocabulary, "--out", model]);
  const text = path.join(folder, "text.txt");
  await writeFile(text, (await readFile(path.join(root, "README.md"), "utf8")).slice(0, 2000));
  const converter = path.join(root, "dist/native/flint-convert");
  const backend = path.join(root, "dist/native/libggml-flash.so");
  await emulated(
    converter,
    [
      "--model",
      model,
      "--out",
      path.join(folder, "converted"),
      "--calibrate",
      text,
      "--libraries",
      libraries,
      "--backend",
      backend,
    ],
    { LD_LIBRARY_PATH: libraries },
  );
}

await runMain(async () => {
  const available = await run(emulator, ["--version"]).catch(() => undefined);
  if (available === undefined || platform !== "linux-x64") {
    console.log(`Skipped: this needs Linux on x64 and ${emulator} (Debian: qemu-user).`);
    return;
  }
  const chosen = process.argv.slice(2);
  const processors = chosen.length > 0 ? chosen : usualProcessors;
  const steps = new Steps(1 + processors.length);
  await steps.run("Building", async () => {
    await buildScripts();
    await buildNative();
  });
  const scratch = path.join(tmpdir(), "flint-emulated-");
  for (const processor of processors) {
    const folder = await mkdtemp(scratch);
    await mkdir(path.join(folder, "converted"));
    await steps.run(`Running the engine on ${processor}`, () => testOn(processor, folder));
    await rm(folder, { recursive: true });
  }
});
