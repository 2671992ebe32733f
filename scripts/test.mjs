// npm test: builds and packages, then everything that is checked and tested. Arguments are vitest's own: with any, only
// what they name is tested.
import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { browser } from "./browser.mjs";
import { buildSanitized } from "./build.mjs";
import { checks, runChecks } from "./checks.mjs";
import { CommandFailed, run } from "./process.mjs";
import { root } from "./root.mjs";
import { runSanitized } from "./sanitized.mjs";
import { starterModel } from "./starter-model.mjs";
import { runMain, Steps } from "./steps.mjs";
import { timesOf, timesTable } from "./test-times.mjs";
import { vscodeServer } from "./vscode-server.mjs";
import { packageExtension, packageSteps } from "./vsix.mjs";

/**
 * @typedef {object} Counts of tests
 * @property {number} passed
 * @property {number} failed
 * @property {import("./test-times.mjs").Timed[]} times
 * @property {FileResult[]} [unsure] files of which something failed, all of `failed` being theirs: they may run once more
 */

/**
 * @typedef {object} FileResult of vitest's JSON report
 * @property {string} name
 * @property {string} status
 * @property {number} startTime
 * @property {number} endTime
 * @property {{ status: string, fullName: string }[]} assertionResults
 */

/**
 * @param {string[]} args
 * @param {{ background?: boolean }} [options] background: in what time nothing else wants
 * @returns {Promise<Counts>} a file that could not be run counts as a failed test
 */
async function runVitest(args, { background = false } = {}) {
  // A file for each run of vitest: some run side by side, and all can be read afterwards.
  const what = args.filter((arg) => /^\w+$/.test(arg)).join("-") || "chosen";
  const report = path.join(root, `build/test/report-${what}.json`);
  await mkdir(path.dirname(report), { recursive: true });
  await rm(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
  let crashed = 0;
  try {
    await run(process.execPath, [vitest, "run", ...reporters, ...args], {
      cwd: root,
      show: true,
      background,
    });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    crashed = 1;
  }
  /** @type {{ testResults: FileResult[] }} */
  const { testResults } = JSON.parse(await readFile(report, "utf8"));
  const count = (/** @type {string} */ status) =>
    testResults.flatMap((file) => file.assertionResults).filter((test) => test.status === status).length;
  const unsure = testResults.filter((file) => file.status === "failed");
  const failed = count("failed") + unsure.filter((file) => failuresOf(file).length === 0).length;
  // What failed outside any file, such as an unhandled rejection, still fails the run.
  return { passed: count("passed"), failed: failed || crashed, times: timesOf(testResults, root), unsure };
}

/** @param {FileResult} file */
const failuresOf = (file) => file.assertionResults.filter((test) => test.status === "failed");

/**
 * Runs the files in which something failed once more, with nothing beside them, and says which tests passed only then:
 * they depend on how busy the machine is, which is a defect of theirs, but not one of what they test. What fails again
 * counts as failed.
 * @param {Counts[]} counts of all files
 * @returns {Promise<Counts[]>} the same, with the second results of those files in place of the first
 */
async function runUnsureAgain(counts) {
  const files = counts.flatMap(({ unsure = [] }) => unsure);
  if (files.length === 0) return counts;
  const names = files.map((file) => path.relative(root, file.name));
  console.log(`\nOnce more, with nothing beside them:\n${names.map((name) => `  ${name}`).join("\n")}`);
  const again = await runVitest(names);
  const stillFailing = new Set((again.unsure ?? []).map(({ name }) => name));
  for (const file of files.filter(({ name }) => !stillFailing.has(name))) {
    const tests = failuresOf(file).map((test) => test.fullName);
    console.log(`UNSTEADY  ${path.relative(root, file.name)}: ${tests.join("; ") || "its setup"}`);
  }
  const passedBefore = files.flatMap((file) => file.assertionResults).filter((test) => test.status === "passed").length;
  const without = counts.map(({ failed, unsure = [], ...rest }) => ({
    ...rest,
    failed: unsure.length > 0 ? 0 : failed,
  }));
  return [...without, again, { passed: -passedBefore, failed: 0, times: [] }];
}

/**
 * @param {Promise<void>} built
 * @returns {Promise<Counts>}
 */
async function runNativeSanitized(built) {
  try {
    await built;
    const begin = performance.now();
    const { tests, fuzzed } = await runSanitized();
    console.log(`With sanitizers: ${tests} native tests passed; fuzzer: ${fuzzed}`);
    const seconds = (performance.now() - begin) / 1000;
    return { passed: tests, failed: 0, times: [{ part: "native", name: "with sanitizers, and fuzzing", seconds }] };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    console.error(`With sanitizers: ${error.message}\n${error.output.trimEnd()}`);
    return { passed: 0, failed: 1, times: [] };
  }
}

/**
 * Models that compute, and after them windows that are waited for; in the time that these leave, what starts many processes, and what
 * is native. Models and windows at once would each wait for the other.
 * @param {Promise<void>} sanitized
 */
async function runAll(sanitized) {
  const inFront = async () => [
    await runVitest(["--project", "engine"]),
    await runVitest(["--project", "host", "--project", "ui"]),
  ];
  const inBackground = async () => [
    await runVitest(["--project", "unit", "--project", "commands"], { background: true }),
    await runVitest(["--project", "native"], { background: true }),
    await runNativeSanitized(sanitized),
  ];
  return (await Promise.all([inFront(), inBackground()])).flat();
}

await runMain(async () => {
  const chosen = process.argv.slice(2);
  const all = chosen.length === 0;
  const steps = new Steps(packageSteps + checks.length + 3);
  await packageExtension(steps);
  // In the background of what follows, and only the first time.
  const sanitized = all ? buildSanitized() : Promise.resolve();
  // It is awaited later, and may fail before.
  sanitized.catch(() => undefined);
  const failedChecks = await runChecks(steps);
  await steps.run("Fetching VS Code and a browser", () => Promise.all([vscodeServer(), browser()]));
  await steps.run("Fetching the model of the tests", async ({ giveLine }) => {
    await starterModel({ onFetch: giveLine });
  });
  const counts = await steps.run("Running the tests", async () =>
    all ? runUnsureAgain(await runAll(sanitized)) : [await runVitest(chosen)],
  );
  const passed = counts.reduce((sum, each) => sum + each.passed, 0);
  const failed = counts.reduce((sum, each) => sum + each.failed, 0);
  console.log(`\n${timesTable(counts.flatMap(({ times }) => times))}\n`);
  console.log(`${passed} passed, ${failed + failedChecks} failed`);
  if (failed + failedChecks > 0 || passed === 0) process.exitCode = 1;
});
