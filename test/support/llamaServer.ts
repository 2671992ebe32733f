/** A real llama-server for tests, in a virtual environment that is made once. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { inCheckout } from "./flint.js";
import { type PythonPackage, pythonPackage } from "./pythonPackage.js";

const release = "2026.10.11549";

export const prepareLlamaServer = (): Promise<PythonPackage> =>
  pythonPackage(`xllamacpp==${release}`, `llama-server-${release}`, "xllamacpp");

/** @returns its address, and what ends it */
export async function startLlamaServer(
  { python }: PythonPackage,
  model: string,
  context: number,
  threads = 1,
): Promise<{ url: string; stop(): Promise<void> }> {
  const script = inCheckout("test/support/llama_server.py");
  const server = spawn(python, [script, model, String(context), String(threads)], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(server, "close");
  const [line] = await Promise.race([
    once(createInterface(server.stdout), "line"),
    ended.then(() => {
      throw new Error("llama-server did not start.");
    }),
  ]);
  const stop = async () => {
    server.kill("SIGKILL");
    await ended;
  };
  return { url: String(line), stop };
}
