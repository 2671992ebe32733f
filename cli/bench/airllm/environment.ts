/** A virtual environment with AirLLM in it, made once and kept with what else is fetched. Only in a checkout. */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cached } from "../../../models/cache.mjs";
import { DownloadError } from "../../../models/errors.js";
import { hasCode } from "../../../protocol/systemErrors.js";
import { UsageError } from "../../exit.js";

const requirementsPath = fileURLToPath(new URL("../cli/bench/airllm/requirements.txt", import.meta.url));
/** Of which most is PyTorch and, where it brings them along, its libraries for GPUs; while pip works a little more. */
const diskBytes = 8e9;

export interface Environment {
  /** The interpreter. */
  python: string;
  /** Of AirLLM. */
  version: string;
}

/**
 * Prints what is installed as it goes.
 * @throws UsageError without Python, or outside of a checkout; DownloadError when pip fails
 */
export async function environment(signal: AbortSignal): Promise<Environment> {
  const requirements = await readFile(requirementsPath, "utf8").catch((error: unknown) => {
    throw hasCode(error, "ENOENT") ? new UsageError("--peer works in a checkout only") : error;
  });
  const version = /^airllm==(.+)$/m.exec(requirements)?.[1] ?? "";
  const pythonVersion = await requirePython(signal);
  const digest = createHash("sha256").update(requirements).update(pythonVersion).digest("hex").slice(0, 8);
  const folder = await cached(`airllm-${version}-${digest}`, diskBytes, async (temporary) => {
    process.stderr.write(`Installing AirLLM ${version} with PyTorch, once: a few GB\n`);
    await promisify(execFile)("python3", ["-m", "venv", temporary], { signal });
    await install(`${temporary}/bin/python`, signal);
  });
  return { python: `${folder}/bin/python`, version };
}

/** @returns its version, such as 3.11 */
async function requirePython(signal: AbortSignal): Promise<string> {
  const program = "import sys, venv, ensurepip; print(*sys.version_info[:2], sep='.')";
  const found = await promisify(execFile)("python3", ["-c", program], { signal }).then(
    ({ stdout }) => stdout.trim(),
    (error: unknown) => {
      signal.throwIfAborted();
      const missing = /No module named '?(\w+)/.exec(error instanceof Error ? error.message : "")?.[1];
      throw needsPython(missing === undefined ? "there is no python3 that works" : `python3 lacks ${missing}`);
    },
  );
  const [major = 0, minor = 0] = found.split(".").map(Number);
  if (major !== 3 || minor < 11) throw needsPython(`python3 is ${found}`);
  return found;
}

const needsPython = (why: string) => new UsageError(`AirLLM needs Python 3.11 or later with venv and pip: ${why}`);

async function install(python: string, signal: AbortSignal): Promise<void> {
  const args = ["-m", "pip", "install", "--disable-pip-version-check", "--requirement", requirementsPath];
  const pip = spawn(python, args, { stdio: ["ignore", "pipe", "pipe"], signal });
  let complaints = "";
  pip.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  const show = async () => {
    for await (const line of createInterface({ input: pip.stdout }))
      if (/^(Collecting|Installing) /.test(line)) process.stderr.write(`${line.slice(0, 100)}\n`);
  };
  const [[status]] = await Promise.all([once(pip, "close"), show()]);
  if (status === 0) return;
  const why = /^ERROR: (.+)$/m.exec(complaints)?.[1] ?? `exit ${status}`;
  throw new DownloadError("network", `pip could not install AirLLM: ${why}`);
}
