/** Runs flint-convert (engine-native/convert), a program of its own: what it computes with is gone when it ends. */
import { spawn } from "node:child_process";
import { chmod, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type ConvertParams, type ConvertProgress, type ConvertResult, ErrorCode } from "../protocol.js";
import { engineError } from "./errors.js";
import { backendPath } from "./flash.js";

const beside = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const tool = beside("./native/flint-convert");
const defaultCalibration = beside("./calibration.txt");

/** Where node-llama-cpp keeps llama.cpp's libraries for this platform. */
function librariesFolder(): string {
  const platform = `${process.platform}-${process.arch}`;
  const path = `../../@node-llama-cpp/${platform}/bins/${platform}`;
  return fileURLToPath(new URL(path, import.meta.resolve("node-llama-cpp")));
}

/** @throws ResponseError NotAModel, InvalidArgument, ReadFailed (of the disk); the signal's reason. */
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
  // Not everything that unpacks an extension keeps the mode.
  await chmod(tool, 0o755).catch(() => undefined);
  const libraries = librariesFolder();
  const args = ["--model", modelPath, "--out", folder, "--calibrate", calibrationPath, "--backend", backendPath];
  args.push("--libraries", libraries, "--threads", `${threads}`, ...(quantize ? ["--quantize", quantize] : []));
  const child = spawn(tool, args, {
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
    stdio: ["ignore", "pipe", "pipe"],
    signal,
    killSignal: "SIGKILL",
  });
  let result: ConvertResult | undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message: ConvertProgress | ConvertResult = JSON.parse(line);
    if ("stage" in message) onProgress(message);
    else result = message;
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4096);
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status === 0 && result) return result;
  const code = Object.values(ErrorCode).find((known) => known === status) ?? ErrorCode.InvalidState;
  throw engineError(code, errors.trim() || `The conversion stopped (${status ?? "killed"}).`);
}
