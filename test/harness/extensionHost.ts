/** Runs a suite inside a real extension host, beside the packaged extension. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";
import { root } from "../../scripts/build.mjs";
import { startWorkbench } from "./workbench.js";

/** What the suite leaves behind. */
export interface HostReport {
  tests: HostResult[];
  /** Process id of the sidecar when the suite ended. */
  sidecarPid: number | undefined;
}
export interface HostResult {
  title: string;
  /** Absent when it passed. */
  error?: string;
}

/**
 * @param entry a module that exports `run(): Promise<void>`, which writes a {@link HostReport} to the file named by
 *   the environment variable FLINT_HOST_REPORT
 * @returns the report, after the extension host has ended
 * @throws when there is none: an extension host that died says "exit status 0" all the same
 */
export async function runInExtensionHost(
  entry: string,
  options: { settings: Record<string, unknown>; files: Record<string, string>; env: Record<string, string> },
): Promise<HostReport> {
  const suite = path.join(root, "build/test/host/suite.cjs");
  await build({
    entryPoints: [entry],
    outfile: suite,
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["vscode", "mocha"],
    sourcemap: "inline",
  });
  const report = `${suite}.${process.pid}.json`;
  const workbench = await startWorkbench({
    ...options,
    env: { ...options.env, FLINT_HOST_REPORT: report },
    flags: ["--enable-smoke-test-driver"],
  });
  const { page } = workbench;
  try {
    const ended = new Promise<void>((resolve, reject) => {
      page.once("crash", () => reject(new Error("The page crashed.")));
      page.exposeFunction("codeAutomationLog", () => undefined).catch(reject);
      page.exposeFunction("codeAutomationExit", () => resolve()).catch(reject);
    });
    const remote = (file: string) => `vscode-remote://remote${file}`;
    const payload = [
      ["extensionDevelopmentPath", remote(workbench.extensionFolder)],
      ["extensionTestsPath", remote(suite)],
      ["skipWelcome", "true"],
    ];
    await page.goto(workbench.address({ payload: JSON.stringify(payload) }));
    await ended;
    return await readReport(report);
  } catch (error) {
    throw new Error(`The suite did not run to its end.\n${workbench.log()}`, { cause: error });
  } finally {
    await workbench.close();
  }
}

async function readReport(file: string): Promise<HostReport> {
  const report: HostReport = JSON.parse(await readFile(file, "utf8"));
  if (report.tests.length === 0) throw new Error("The suite has run no test.");
  return report;
}
