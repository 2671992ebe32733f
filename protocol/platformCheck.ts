/** Whether what is installed runs on this system. Asked before an engine is started, so that the answer is a sentence. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as l10n from "@vscode/l10n";
import { isPlatform, type PlatformName, platforms, thisPlatform } from "./platforms.mjs";

/** What the check looks at. */
export interface System {
  /** As in the table of platforms: `linux-x64`. */
  name: string;
  /** The version of the GNU C library, such as `2.36`, where it is known. */
  glibc?: string | undefined;
  /** Whether the C library is musl, as on Alpine Linux. */
  musl?: boolean;
  /** False where Windows lacks the libraries of Microsoft's C++ compiler. */
  visualCpp?: boolean;
}

/** What llama.cpp's libraries for Linux were linked with. */
const oldestGlibc = [2, 34] as const;

const titles: Readonly<Record<PlatformName, string>> = {
  "linux-x64": "Linux x64",
  "linux-arm64": "Linux ARM64",
  "win32-x64": "Windows x64",
  "win32-arm64": "Windows ARM64",
  "darwin-x64": "macOS Intel",
  "darwin-arm64": "macOS Apple silicon",
};

/** The system of this process. */
export function thisSystem(): System {
  if (process.platform === "win32") return { name: thisPlatform, visualCpp: existsSync(visualCppLibrary()) };
  if (process.platform !== "linux") return { name: thisPlatform };
  const glibc = glibcVersion();
  return { name: thisPlatform, glibc, musl: glibc === undefined && existsSync(muslLoader) };
}

/**
 * Why the engine of this installation can't run on this system, and what to do; undefined where it can.
 * @param root the folder of the extension, with `dist` and `node_modules`
 */
export function platformProblem(root: string, system: System = thisSystem()): string | undefined {
  const { name, glibc, musl, visualCpp } = system;
  if (!isPlatform(name)) {
    return l10n.t("Flint does not run on {0}. It runs on {1}.", name, Object.values(titles).join(", "));
  }
  if (musl) {
    return l10n.t(
      "Flint does not run on Alpine Linux and other systems with musl: llama.cpp's libraries need the GNU C library (glibc). Use a container or system with glibc, such as Debian, Ubuntu or Fedora.",
    );
  }
  if (glibc !== undefined && isOlder(glibc)) {
    return l10n.t(
      "Flint needs the GNU C library (glibc) {0} or newer. This system has {1}.",
      oldestGlibc.join("."),
      glibc,
    );
  }
  if (visualCpp === false) {
    const installer = `https://aka.ms/vs/17/release/vc_redist.${name === "win32-arm64" ? "arm64" : "x64"}.exe`;
    return l10n.t(
      "Flint needs the Microsoft Visual C++ Redistributable, which this system lacks. Install it from {0}, then reload the window.",
      installer,
    );
  }
  const packaged = packagedPlatforms(root);
  if (packaged.includes(name)) return undefined;
  const found = packaged.length === 0 ? l10n.t("another system") : packaged.map((each) => titles[each]).join(", ");
  return l10n.t(
    "This Flint package is for {0}. This system is {1}. Uninstall it, and install the package for {2}.",
    found,
    titles[name],
    name,
  );
}

/** Those whose libraries are there: of a package one, of a checkout perhaps more. */
function packagedPlatforms(root: string): PlatformName[] {
  return Object.keys(platforms)
    .filter(isPlatform)
    .filter(
      (name) =>
        existsSync(join(root, "dist/native", platforms[name].backend)) &&
        existsSync(join(root, "node_modules/@node-llama-cpp", platforms[name].libraries)),
    );
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < oldestGlibc[0] || (major === oldestGlibc[0] && minor < oldestGlibc[1]);
}

/** Where musl is the system's own C library. */
const muslLoader = `/lib/ld-musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`;

/** The newest of those that llama.cpp's libraries are linked with. */
const visualCppLibrary = (): string =>
  join(process.env["SystemRoot"] ?? "C:\\Windows", "System32", "vcruntime140_1.dll");

/** As this process has it. */
function glibcVersion(): string | undefined {
  // Otherwise the report looks up the names of all addresses that this process is connected with.
  const { excludeNetwork } = Object.assign({ excludeNetwork: false }, process.report);
  Object.assign(process.report, { excludeNetwork: true });
  const report: { header?: { glibcVersionRuntime?: string } } = process.report.getReport();
  Object.assign(process.report, { excludeNetwork });
  return report.header?.glibcVersionRuntime;
}
