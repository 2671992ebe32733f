// npm test: builds and packages, then everything that is checked and tested. Arguments are vitest's own.
import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { browser } from "./browser.mjs";
import { root } from "./build.mjs";
import { checkNativeStyle, checkStyle, checkTypes } from "./checks.mjs";
import { CommandFailed, run } from "./process.mjs";
import { starterModel } from "./starter-model.mjs";
import { runMain, Steps } from "./steps.mjs";
import { vscodeServer } from "./vscode-server.mjs";
import { packageExtension, packageSteps } from "./vsix.mjs";

const checks = [
  { title: "Checking style (biome)", check: checkStyle },
  { title: "Checking types (tsc)", check: checkTypes },
  { title: "Checking the style of C++ (clang-format)", check: checkNativeStyle },
];

/** @returns {Promise<number>} how many checks failed */
async function runChecks(/** @type {Steps} */ steps) {
  let failed = 0;
  for (const { title, check } of checks) {
    try {
      await steps.run(title, check);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      // The tests are worth running all the same.
      console.error(error.output.trimEnd());
      failed += 1;
    }
  }
  return failed;
}

/**
 * @typedef {{ status: string, assertionResults: { status: string }[] }} FileResult of vitest's JSON report
 * @returns {Promise<{ passed: number, failed: number }>} a file that could not be run counts as a failed test
 */
async function runVitest() {
  const report = path.join(root, "build/test/report.json");
  await mkdir(path.dirname(report), { recursive: true });
  await rm(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
  let crashed = 0;
  try {
    await run(process.execPath, [vitest, "run", ...reporters, ...process.argv.slice(2)], { cwd: root, show: true });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    crashed = 1;
  }
  /** @type {{ testResults: FileResult[] }} */
  const { testResults } = JSON.parse(await readFile(report, "utf8"));
  const count = (/** @type {string} */ status) =>
    testResults.flatMap((file) => file.assertionResults).filter((test) => test.status === status).length;
  const brokenFiles = testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  // What failed outside any test, such as an unhandled rejection, still fails the run.
  const failed = count("failed") + brokenFiles || crashed;
  return { passed: count("passed"), failed };
}

await runMain(async () => {
  const steps = new Steps(packageSteps + checks.length + 3);
  await packageExtension(steps);
  const failedChecks = await runChecks(steps);
  await steps.run("Fetching VS Code and a browser", () => Promise.all([vscodeServer(), browser()]));
  await steps.run("Fetching the starter model", async ({ progress }) => {
    await starterModel({ onProgress: await progress() });
  });
  const { passed, failed } = await steps.run("Running the tests", runVitest);
  console.log(`${passed} passed, ${failed + failedChecks} failed`);
  if (failed + failedChecks > 0 || passed === 0) process.exitCode = 1;
});
