// npm run test:windows: the VSIX for Windows, unpacked and run in wine beside Flint on Linux. On Linux x64.
import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { thisPlatform } from "../protocol/platforms.mjs";
import { run } from "./process.mjs";
import { root } from "./root.mjs";
import { runMain, Steps } from "./steps.mjs";
import { llamaFor } from "./targets.mjs";
import { build, buildSteps, packageFor, packageSteps } from "./vsix.mjs";
import { nodeForWindows, prepareWine, wine } from "./wine.mjs";
import { compileFor, zig } from "./zig.mjs";

const target = "win32-x64";
/** Not English, and with what command lines trip over. */
const place = path.join(root, "build/windows/Größe & 模型");

/** @param {string} vsix */
async function unpack(vsix) {
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { recursive: true });
  await run("cmake", ["-E", "tar", "xf", vsix, "--format=zip"], { cwd: place });
  // Wine does not ask Linux for the registers of AMX, which this library uses on processors that have them.
  if (!/\bamx_tile\b/.test(await readFile("/proc/cpuinfo", "utf8"))) return;
  const libraries = path.join(place, "extension/node_modules/@node-llama-cpp/win-x64/bins/win-x64");
  await rm(path.join(libraries, "ggml-cpu-sapphirerapids.dll"));
}

await runMain(async () => {
  const command = thisPlatform === "linux-x64" ? await wine() : undefined;
  if (command === undefined) {
    console.log("Skipped: this needs Linux on x64 and wine (Debian: wine64).");
    return;
  }
  const steps = new Steps(buildSteps + packageSteps + 4);
  await build(steps);
  const vsix = await packageFor(steps, target);
  const llama = await llamaFor(target);
  const { output } = await steps.run("Compiling the native tests for Windows", async () =>
    compileFor(target, llama, await zig(), { tests: true }),
  );
  await steps.run("Unpacking the VSIX", () => unpack(vsix));
  const prefix = path.join(root, "build/windows/prefix");
  await steps.run("Preparing wine", () => prepareWine(command, prefix));
  const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
  await steps.run("Running the tests in wine", async ({ giveLine }) => {
    giveLine();
    await run(process.execPath, [vitest, "run", "--project", "windows", ...process.argv.slice(2)], {
      cwd: root,
      show: true,
      env: {
        FLINT_WINE: command,
        FLINT_WINDOWS_NODE: await nodeForWindows(),
        FLINT_WINDOWS_EXTENSION: path.join(place, "extension"),
        FLINT_WINDOWS_NATIVE_TESTS: path.join(output, "native-tests"),
        FLINT_WINDOWS_LIBRARIES: path.join(llama.libraries, "bins/win-x64"),
        WINEPREFIX: prefix,
        WINEDEBUG: "-all",
      },
    });
  });
});
