/** `flint serve` for tests: the built one, on a free port. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { z } from "zod";
import { type Running, start } from "./flint.js";

const addressLine = z.strictObject({
  url: z.url(),
  port: z.int().positive(),
  host: z.string(),
  models: z.array(z.string()),
});

export interface Serving extends z.infer<typeof addressLine> {
  running: Running;
  /** @returns how it ended */
  stop(): Promise<Awaited<Running["ended"]>>;
}

export async function startServer(...args: string[]): Promise<Serving> {
  // What one test has read another one would find.
  const running = start(["serve", "--port", "0", "--json", "--kv-cache", "off", ...args]);
  const line = await Promise.race([
    once(createInterface(running.process.stdout), "line").then(([line]) => String(line)),
    running.ended.then(({ status, stderr }) => {
      throw new Error(`flint serve ended with status ${status}: ${stderr}`);
    }),
  ]);
  const stop = () => {
    running.process.kill("SIGTERM");
    return running.ended;
  };
  return { ...addressLine.parse(JSON.parse(line)), running, stop };
}
