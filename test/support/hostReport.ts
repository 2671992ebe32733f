/** A suite for an extension host, whichever VS Code runs it, and what it leaves behind. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";
import { root } from "../../scripts/root.mjs";

/** What the suite leaves behind. */
export interface HostReport {
  tests: HostResult[];
  /** Process id of the sidecar when the suite ended. */
  sidecarPid: number | undefined;
}
interface HostResult {
  title: string;
  /** It is for another system. */
  skipped?: boolean;
  /** Absent when it passed. */
  error?: string;
}

/** What a suite finds in the VS Code that runs it. */
export interface HostRunOptions {
  settings: Record<string, unknown>;
  /** Files of the opened folder by name. */
  files: Record<string, string>;
  env: Record<string, string>;
}

/**
 * Bundles a suite as VS Code can load it.
 * @param entry a module that exports `run(): Promise<void>`, which writes a {@link HostReport} to the file named by
 *   the environment variable FLINT_HOST_REPORT
 * @returns the path of the bundle
 */
export async function bundleSuite(entry: string): Promise<string> {
  const outfile = path.join(root, "build/test/host/suite.cjs");
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["vscode", "mocha"],
    sourcemap: "inline",
  });
  return outfile;
}

/**
 * Reads what a suite has left.
 * @throws when it ran no test: an extension host that died says "exit status 0" all the same
 */
export async function readReport(file: string): Promise<HostReport> {
  const report: HostReport = JSON.parse(await readFile(file, "utf8"));
  if (report.tests.length === 0) throw new Error("The suite has run no test.");
  return report;
}
