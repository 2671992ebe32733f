/** One sidecar for one command. */
import { fileURLToPath } from "node:url";
import { type Sidecar, startSidecar } from "../client.js";

/**
 * Runs `work` with a sidecar and ends it. What the sidecar logs is shown only if it dies:
 * otherwise its errors come over the protocol.
 * @throws what `work` throws, or that the sidecar died under it.
 */
export async function withSidecar<Result>(work: (sidecar: Sidecar) => Promise<Result>): Promise<Result> {
  const log: string[] = [];
  const sidecar = await startSidecar({
    scriptPath: fileURLToPath(new URL("./sidecar.js", import.meta.url)),
    onLog: (line) => {
      log.push(line);
      if (log.length > 20) log.shift();
    },
  });
  try {
    return await Promise.race([
      work(sidecar),
      sidecar.exited.then(({ code, signal }) => {
        throw new Error(`the engine stopped (${signal ?? `exit ${code}`}). ${log.at(-1) ?? ""}`);
      }),
    ]);
  } finally {
    sidecar.dispose();
  }
}
