/** What becomes of a model file: whether it is refused, works, or takes the engine with it. */
import { ResponseError } from "vscode-jsonrpc";
import { type Sidecar, startSidecar } from "../../protocol/client.js";
import { completeRequest, loadRequest, planRequest } from "../../protocol/messages.js";
import { inCheckout } from "./flint.js";

export interface Verdict {
  /** What refused it, or that it answered, died or did not end. */
  kind: "plan" | "load" | "answer" | "answered" | "died" | "hung";
  message: string;
  /** Of the error, where it is one. */
  code?: number;
}

/** Longer than any of the small models takes. */
const patienceMs = 30_000;

/** Loads models in a real sidecar, and starts another when one has died. */
export class Judge {
  #sidecar: Sidecar | undefined;

  /** Plans, loads and asks a model for two tokens. @param streamed with the smallest cap, else with all in memory */
  async judge(modelPath: string, streamed = false): Promise<Verdict> {
    this.#sidecar ??= await startSidecar({
      scriptPath: inCheckout("dist/sidecar.js"),
      onLog: () => undefined,
    });
    const { connection, exited, process } = this.#sidecar;
    let kind: Verdict["kind"] = "plan";
    const work = async (): Promise<Verdict> => {
      const request = { modelPath, ramCapBytes: 4 * 1024 ** 3, contextTokens: 64 };
      const { minimumCapBytes } = await connection.sendRequest(planRequest, request);
      kind = "load";
      const ramCapBytes = streamed ? minimumCapBytes : request.ramCapBytes;
      await connection.sendRequest(loadRequest, { ...request, ramCapBytes, engine: "flash" });
      kind = "answer";
      const answer = { prefix: "Hello world, this is a test", maximumTokens: 2, ignoreEos: true };
      const { text } = await connection.sendRequest(completeRequest, answer);
      return { kind: "answered", message: text };
    };
    let timer: NodeJS.Timeout | undefined;
    const hung = new Promise<Verdict>((resolve) => {
      timer = setTimeout(() => resolve({ kind: "hung", message: kind }), patienceMs);
    });
    const working = work().catch((error: unknown): Verdict => {
      if (error instanceof ResponseError) return { kind, message: error.message, code: error.code };
      throw error;
    });
    const died = exited.then(
      ({ code, signal, unusableModel }): Verdict => ({
        kind: "died",
        message: unusableModel?.message ?? `${kind}: ${signal ?? code}`,
        ...(unusableModel && { code: unusableModel.code }),
      }),
    );
    const verdict = await Promise.race([working, died, hung]);
    clearTimeout(timer);
    if (verdict.kind === "died" || verdict.kind === "hung") {
      process.kill("SIGKILL");
      await exited;
      this.#sidecar = undefined;
    }
    return verdict;
  }

  async dispose(): Promise<void> {
    this.#sidecar?.dispose();
    await this.#sidecar?.exited;
  }
}
