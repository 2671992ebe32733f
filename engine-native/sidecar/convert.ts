/** Runs flint-convert (engine-native/convert), a program of its own: what it computes with is gone when it ends. */
import { spawn } from "node:child_process";
import { chmod, mkdir } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as l10n from "@vscode/l10n";
import type { ResponseError } from "vscode-jsonrpc";
import { engineError } from "../../protocol/errors.js";
import {
  type ConversionPlan,
  type ConvertParams,
  type ConvertProgress,
  type ConvertResult,
  ErrorCode,
  type PlanConversionParams,
} from "../../protocol/messages.js";
import { translated } from "./nativeErrors.js";
import { backendPath, converterPath, librariesEnvironment, librariesFolder } from "./platform.js";

const defaultCalibration = fileURLToPath(new URL("./calibration.txt", import.meta.url));

/** @throws ResponseError NotAModel, DoesNotFit. */
export async function planConversion({ modelPath, ramCapBytes = 0 }: PlanConversionParams): Promise<ConversionPlan> {
  const args = ["--estimate", modelPath, "--ram-cap", `${ramCapBytes}`];
  let plan: ConversionPlan | undefined;
  const end = await runTool(args, new AbortController().signal, (line) => {
    plan = JSON.parse(line);
  });
  if (end.status === 0 && plan) return plan;
  throw toolError(end);
}

/** @throws ResponseError NotAModel, InvalidArgument, DoesNotFit, ReadFailed (of the disk); the signal's reason. */
export async function convert(
  params: ConvertParams,
  threads: number,
  signal: AbortSignal,
  onProgress: (progress: ConvertProgress) => void,
): Promise<ConvertResult> {
  const { modelPath, folder = dirname(modelPath), quantize, calibrationPath = defaultCalibration } = params;
  signal.throwIfAborted();
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw engineError(ErrorCode.ReadFailed, error);
  }
  const args = ["--model", modelPath, "--out", folder, "--calibrate", calibrationPath, "--backend", backendPath];
  args.push("--libraries", librariesFolder(), "--threads", `${threads}`, ...(quantize ? ["--quantize", quantize] : []));
  args.push("--ram-cap", `${params.ramCapBytes ?? 0}`);
  let result: ConvertResult | undefined;
  const end = await runTool(args, signal, (line) => {
    const message: ConvertProgress | ConvertResult = JSON.parse(line);
    if ("stage" in message) onProgress(message);
    else result = message;
  });
  if (end.status === 0 && result) return result;
  throw toolError(end);
}

interface End {
  status: number | null;
  errors: string;
}

/** Runs the program below normal priority, so that nobody who works on this machine has to wait for it. */
async function runTool(args: string[], signal: AbortSignal, onLine: (line: string) => void): Promise<End> {
  // Not everything that unpacks an extension keeps the mode.
  await chmod(converterPath, 0o755).catch(() => undefined);
  // It ends when this process does, with which its standard input is closed.
  const child = spawn(converterPath, [...args, "--stdin", "client"], {
    env: librariesEnvironment(),
    stdio: ["pipe", "pipe", "pipe"],
    signal,
    killSignal: "SIGKILL",
    windowsHide: true,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (child.pid !== undefined) {
    try {
      setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // It has ended already, or may not be made to yield: its result is the same.
    }
  }
  createInterface({ input: child.stdout }).on("line", onLine);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4096);
  });
  return { status: await ended, errors };
}

function toolError({ status, errors }: End): ResponseError<undefined> {
  const code = Object.values(ErrorCode).find((known) => known === status) ?? ErrorCode.InvalidState;
  const said = translated(errors.trim());
  return engineError(code, said || l10n.t("The conversion stopped ({0}).", status ?? l10n.t("killed")));
}
