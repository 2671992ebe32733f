// npm run lint:native: clang-tidy over the engine and the converter. Not part of npm test, which does without Python.
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { pipPackage } from "./pip.mjs";
import { CommandFailed, run } from "./process.mjs";
import { root } from "./root.mjs";
import { runMain, Steps } from "./steps.mjs";
import { build, buildSteps } from "./vsix.mjs";

/** @returns {Promise<string[]>} the files that were compiled, without tests */
async function engineFiles() {
  /** @type {{ file: string }[]} */
  const commands = JSON.parse(await readFile(path.join(root, "build/native/compile_commands.json"), "utf8"));
  const files = new Set(commands.map(({ file }) => path.relative(root, file)));
  return [...files].filter((file) => file.startsWith("engine-native"));
}

/**
 * @param {string} program clang-tidy
 * @param {string[]} files
 * @returns {Promise<string>} what it found
 */
async function findings(program, files) {
  // Headers of other compilers are not ours.
  const flags = ["-p", "build/native", "--quiet", "--extra-arg=-Wno-deprecated-declarations"];
  let found = "";
  const rest = [...files];
  const work = async () => {
    for (let file = rest.pop(); file !== undefined; file = rest.pop()) {
      await run(program, [...flags, file], { cwd: root }).catch((error) => {
        if (!(error instanceof CommandFailed)) throw error;
        found += error.output;
      });
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return found;
}

await runMain(async () => {
  const steps = new Steps(buildSteps + 2);
  // For the commands of the compiler, and for the headers of others.
  await build(steps);
  const folder = await steps.run("Fetching clang-tidy", () => pipPackage("clang-tidy", "23.1.4", 300e6));
  await steps.run("Checking C++ (clang-tidy)", async ({ note }) => {
    const files = await engineFiles();
    const found = await findings(path.join(folder, "clang_tidy/data/bin/clang-tidy"), files);
    if (found) throw new CommandFailed("clang-tidy", "it found something", found);
    note(`${files.length} files`);
  });
});
