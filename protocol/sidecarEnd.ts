/** How a sidecar ended, and whether a model was the cause. */
import * as l10n from "@vscode/l10n";
import type { ResponseError } from "vscode-jsonrpc";
import { ErrorCode, engineError } from "./errors.js";

/** What the operating system says of a process that has ended. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SidecarEnd extends ProcessEnd {
  /** NotAModel, where the process died of a model: to load it again would end the next process too. */
  unusableModel?: ResponseError;
  /** The process died while a GPU had a part of a model. Drivers and devices fail, so that is no fault of the model. */
  onGpu?: true;
}

/** The process did something that is not allowed. SIGKILL is not among them: the system sends it where memory runs out. */
const crashSignals: readonly string[] = ["SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGTRAP"];
/** As a shell reports SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV and SIGTRAP; abort() on Windows. */
const crashCodes = [134, 135, 136, 132, 139, 133, 3];
/** Exceptions on Windows are NTSTATUS codes of errors, such as 0xC0000005. */
const leastWindowsError = 0xc000_0000;

function hasCrashed({ code, signal }: ProcessEnd): boolean {
  if (signal !== null) return crashSignals.includes(signal);
  return code !== null && (crashCodes.includes(code) || code >= leastWindowsError);
}

/**
 * The words that explain a crash, from the last lines of the log: a failed assertion of llama.cpp or an exception, without the folder
 * that llama.cpp was compiled in.
 */
export function lastWords(log: readonly string[]): string | undefined {
  const lines = log.map((line) => line.trim()).filter((line) => line !== "");
  const found =
    lines.findLast((line) => /GGML_ASSERT|: \d+: |\.(c|cpp|h|hpp):\d+: /.test(line)) ??
    lines.findLast((line) => line.startsWith("what():")) ??
    lines.findLast((line) => line.startsWith("llama.cpp error"));
  return found?.replace(/^\S*[\\/](?=[^\\/\s]+:\d+: )/, "").replace(/^(what\(\)|llama\.cpp error):\s*/, "");
}

/**
 * @param blamed "gpu" where one was used, else paths of the models that were on trial, the last one that began at the end
 */
export function describeEnd(end: ProcessEnd, blamed: readonly string[] | "gpu", log: readonly string[]): SidecarEnd {
  if (blamed === "gpu") return hasCrashed(end) ? { ...end, onGpu: true } : end;
  const modelPath = blamed.at(-1);
  if (modelPath === undefined || !hasCrashed(end)) return end;
  const how = end.signal ?? l10n.t("exit code {0}", end.code ?? "");
  const words = lastWords(log);
  const reason =
    words === undefined ? l10n.t("llama.cpp crashed ({0})", how) : l10n.t('llama.cpp gave up with "{0}"', words);
  const message = l10n.t(
    "{0} is not a usable model: {1}. Download it again, or choose another model.",
    modelPath,
    reason,
  );
  return { ...end, unusableModel: engineError(ErrorCode.NotAModel, message) };
}
