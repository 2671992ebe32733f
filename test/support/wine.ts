/** The VSIX for Windows, unpacked, and programs for Windows in wine. scripts/test-windows.mjs prepares both. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { onTestFinished } from "vitest";
import { type Ended, inCheckout } from "./flint.js";

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: these tests are run by npm run test:windows`);
  return value;
}

/** The folder of the extension, as VS Code unpacks it. */
export const windowsExtension = (): string => given("FLINT_WINDOWS_EXTENSION");
/** The folder of the native tests and their tools. */
export const windowsNativeTests = (): string => given("FLINT_WINDOWS_NATIVE_TESTS");
/** llama.cpp's libraries, for programs that have them not beside them. */
export const windowsLibraries = (): string => given("FLINT_WINDOWS_LIBRARIES");
export const windowsNode = (): string => given("FLINT_WINDOWS_NODE");

/** As a program in wine names it. */
export const windowsPath = (file: string): string => `Z:${file.replaceAll("/", "\\")}`;
/** As this system names what a program in wine has named. */
export const hostPath = (file: string): string => file.replace(/^Z:/i, "").replaceAll("\\", "/");

export interface WindowsProcess {
  process: ChildProcess;
  /** What it has written so far. */
  output(): { stdout: string; stderr: string };
  ended: Promise<Ended>;
}

/** Starts a program in wine. Its output goes to files: to Node there a pipe of Linux is no pipe. */
export async function startWindows(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<WindowsProcess> {
  const parent = inCheckout("build/windows/output");
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(path.join(parent, "run-"));
  const files = { stdout: path.join(folder, "stdout"), stderr: path.join(folder, "stderr") };
  const descriptors = [openSync(files.stdout, "w"), openSync(files.stderr, "w")] as const;
  const child = spawn(given("FLINT_WINE"), [program, ...args], {
    stdio: ["ignore", ...descriptors],
    env: { ...process.env, ...env },
  });
  descriptors.forEach(closeSync);
  onTestFinished(() => void child.kill("SIGKILL"));
  const output = () => ({ stdout: readFileSync(files.stdout, "utf8"), stderr: readFileSync(files.stderr, "utf8") });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve({ status, signal, ...output() }));
  });
  return { process: child, output, ended };
}

/** The folder for temporary files, which wine sets by itself. */
export async function windowsTemporaryFolder(): Promise<string> {
  const { ended } = await startWindows(windowsNode(), ["-p", "os.tmpdir()"]);
  const { stdout } = await ended;
  return stdout
    .trim()
    .replace(/^C:/i, path.join(given("WINEPREFIX"), "drive_c"))
    .replaceAll("\\", "/");
}

/** Shares a folder until the test is over. @returns how a program in wine names it, as a folder of another machine */
export async function windowsShare(folder: string): Promise<string> {
  const machine = path.join(given("WINEPREFIX"), "dosdevices/unc/flint-machine");
  await mkdir(machine, { recursive: true });
  await symlink(folder, path.join(machine, "models"));
  onTestFinished(() => rm(machine, { recursive: true }));
  return "\\\\flint-machine\\models";
}

/** Starts `flint …` of the VSIX. */
export const startWindowsFlint = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<WindowsProcess> =>
  startWindows(windowsNode(), [windowsPath(path.join(windowsExtension(), "dist/flint.js")), ...args], env);

/** Runs `flint …` of the VSIX to its end. */
export async function windowsFlint(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return (await startWindowsFlint(args, env)).ended;
}

/**
 * Linux's ids of the processes in wine that run the VSIX's sidecar. One that its client has not yet let run has one thread: killed just
 * then, which takes luck, the client leaves it behind, as any program does that Node starts on Windows.
 */
export function windowsSidecars(): number[] {
  const script = windowsPath(path.join(windowsExtension(), "dist/sidecar.js"));
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => runs(pid, script));
}

function runs(pid: number, script: string): boolean {
  try {
    // Wine ends it with more than one zero.
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").replace(/\0+$/, "").split("\0");
    return words.at(-1) === script && readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    // It has ended meanwhile.
    return false;
  }
}
