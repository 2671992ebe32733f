/** Runs a suite inside the extension host of a VS Code server, beside the packaged extension. */
import { bundleSuite, type HostReport, type HostRunOptions, readReport } from "./hostReport.js";
import { startWorkbench } from "./workbench.js";

/**
 * @param entry a module that exports `run(): Promise<void>`, which writes a {@link HostReport} to the file named by
 *   the environment variable FLINT_HOST_REPORT
 * @returns the report, after the extension host has ended
 * @throws when there is none: an extension host that died says "exit status 0" all the same
 */
export async function runInExtensionHost(entry: string, options: HostRunOptions): Promise<HostReport> {
  const suite = await bundleSuite(entry);
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
