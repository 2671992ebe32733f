/** Runs inside the extension host and leaves a report; see test/support/hostReport.ts. */
import { writeFile } from "node:fs/promises";
import Mocha from "mocha";
import type { HostReport } from "../../support/hostReport.js";
import { activateFlint } from "./flint.js";

/** Entry point that VS Code calls. Resolves when the report is written, whatever is in it. */
export async function run(): Promise<void> {
  const { FLINT_HOST_REPORT: file } = process.env;
  if (!file) throw new Error("FLINT_HOST_REPORT names no file.");
  // Nothing is decided by time: a test that hangs is ended, no more.
  const mocha = new Mocha({ ui: "bdd", timeout: 240_000 });
  mocha.suite.emit("pre-require", globalThis, file, mocha);
  await import("./tests.js");
  await import("./languageModels.js");
  await import("./server.js");
  await import("./downloads.js");
  await import("./context.js");
  await import("./edits.js");
  await import("./inlineEdit.js");
  await import("./meantEditor.js");
  const tests: HostReport["tests"] = [];
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on("pass", (test) => tests.push({ title: test.fullTitle() }))
      .on("pending", (test) => tests.push({ title: test.fullTitle(), skipped: true }))
      .on("fail", (test, error) => tests.push({ title: test.fullTitle(), error: error.stack ?? error.message }));
  });
  const { engine } = await activateFlint();
  const report: HostReport = { tests, sidecarPid: engine.pid() };
  await writeFile(file, JSON.stringify(report));
}
