// VS Code for the desktop, from its maker.
import path from "node:path";
import { downloadAndUnzipVSCode, ProgressReportStage } from "@vscode/test-electron";
import { cacheFolder } from "../models/cache.mjs";
import { ToolMissing } from "./tools.mjs";

/** Which VS Code is tested, and where it is kept: outside the checkout, with what else is fetched. */
export const desktopOptions = {
  version: "stable",
  cachePath: path.join(cacheFolder(), "vscode-desktop"),
  reporter: {
    /** @param {import("@vscode/test-electron").ProgressReport} report */
    report(report) {
      if (report.stage === ProgressReportStage.ResolvingCDNLocation) console.log(`Fetching ${report.url}`);
    },
    // It is thrown as well.
    error() {},
  },
};

/**
 * The program, which is fetched on the first call.
 * @returns {Promise<string>} its path
 * @throws {ToolMissing} where it can't be fetched
 */
export async function vscodeDesktop() {
  try {
    return await downloadAndUnzipVSCode(desktopOptions);
  } catch (error) {
    const [why] = String(error instanceof Error ? error.message : error).split("\n");
    throw new ToolMissing(`Nothing was tested: VS Code for the desktop can't be fetched here (${why}).`);
  }
}
