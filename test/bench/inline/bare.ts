/** The model alone, with the text before and after the cursor: what the extension should be no worse than. */
import path from "node:path";
import { startSidecar } from "../../../protocol/client.js";
import { completeRequest, loadRequest } from "../../../protocol/messages.js";
import { root } from "../../../scripts/root.mjs";
import { type InlineResult, type Pause, Tally } from "./result.js";
import type { Session } from "./sessions.js";

const maximumTokens = 64;

/** Asks at each pause, without a person's typing in between. */
export async function benchBare(
  sessions: readonly Session[],
  model: string,
  ramCapBytes: number,
  isOver: () => boolean,
): Promise<InlineResult> {
  const sidecar = await startSidecar({ scriptPath: path.join(root, "dist/sidecar.js"), onLog: () => undefined });
  try {
    const { connection } = sidecar;
    await connection.sendRequest(loadRequest, { modelPath: model, engine: "flash", ramCapBytes });
    const tally = new Tally();
    let evaluatedTokens = 0;
    let started = 0;
    const begin = performance.now();
    for (const session of sessions) {
      if (isOver()) break;
      const pauses: Pause[] = [];
      for (const [index] of session.pausesMs) {
        const prefix = session.before + session.typed.slice(0, index);
        const since = performance.now();
        const request = { prefix, suffix: session.after, maximumTokens, stop: ["\n"] };
        const { text, promptTokens, tokens } = await connection.sendRequest(completeRequest, request);
        started++;
        evaluatedTokens += promptTokens.length + tokens.length;
        pauses.push({ index, shown: text, latencyMs: performance.now() - since });
      }
      tally.keystrokes += session.typed.length;
      tally.session(session, pauses);
    }
    const minutes = (performance.now() - begin) / 60_000;
    return tally.result({ evaluatedTokens, requests: { started, aborted: 0, shown: started }, cpuSeconds: 0, minutes });
  } finally {
    sidecar.dispose();
  }
}
