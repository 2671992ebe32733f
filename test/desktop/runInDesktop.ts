/** Runs a suite inside the extension host of VS Code for the desktop, beside the packaged extension. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { runTests, runVSCodeCommand } from "@vscode/test-electron";
import { desktopOptions, vscodeDesktop } from "../../scripts/vscode-desktop.mjs";
import { quietSettings } from "../../scripts/vscode-server.mjs";
import { packagePath } from "../../scripts/vsix.mjs";
import { bundleSuite, type HostReport, type HostRunOptions, readReport } from "../support/hostReport.js";

/**
 * @param entry as that of `bundleSuite`
 * @returns the report, after VS Code has ended
 * @throws when there is none
 */
export async function runInDesktop(entry: string, { settings, files, env }: HostRunOptions): Promise<HostReport> {
  const vscodeExecutablePath = await vscodeDesktop();
  const suite = await bundleSuite(entry);
  // Short: VS Code makes a socket in it, whose path may have a hundred characters.
  const temporary = await mkdtemp(path.join(tmpdir(), "flint-"));
  try {
    const folder = path.join(temporary, "project");
    const extensions = path.join(temporary, "extensions");
    const user = path.join(temporary, "user");
    await mkdir(folder);
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
    await mkdir(path.join(user, "User"), { recursive: true });
    await writeFile(path.join(user, "User/settings.json"), JSON.stringify({ ...quietSettings, ...settings }));
    const profile = [`--extensions-dir=${extensions}`, `--user-data-dir=${user}`];
    await runVSCodeCommand(["--install-extension", await packagePath(), "--force", ...profile], desktopOptions);
    const report = path.join(temporary, "report.json");
    await runTests({
      vscodeExecutablePath,
      // The package as it is installed, and not the checkout.
      extensionDevelopmentPath: await installed(extensions),
      extensionTestsPath: suite,
      extensionTestsEnv: { ...env, FLINT_HOST_REPORT: report },
      launchArgs: [folder, ...profile],
    });
    return await readReport(report);
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function installed(extensions: string): Promise<string> {
  const name = (await readdir(extensions)).find((each) => each.startsWith("flint.flint-"));
  if (!name) throw new Error("VS Code has not installed the package.");
  return path.join(extensions, name);
}
