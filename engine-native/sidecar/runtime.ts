/** llama.cpp and, for the flash engine, our backend in it. A process has one kind for its whole life. */
import { getLlama, type Llama, LlamaLogLevel } from "node-llama-cpp";
import type { EngineKind } from "../protocol.js";
import { Flash } from "./flash.js";
import { backendPath, gpu } from "./platform.js";

export class Runtime {
  #lastError: string | undefined;
  readonly #mostThreads: number;

  private constructor(
    readonly kind: EngineKind,
    readonly llama: Llama,
    readonly flash: Flash | undefined,
  ) {
    this.#mostThreads = llama.maxThreads;
  }

  static async start(kind: EngineKind, log: (line: string) => void): Promise<Runtime> {
    // ggml reads it when node-llama-cpp loads it, once in the life of a process.
    if (kind === "flash") process.env["GGML_BACKEND_PATH"] = backendPath;
    let runtime: Runtime | undefined;
    const llama = await getLlama({
      gpu,
      build: "never",
      logLevel: LlamaLogLevel.warn,
      logger: (level, message) => {
        if (runtime && (level === LlamaLogLevel.error || level === LlamaLogLevel.fatal)) {
          runtime.#lastError = message.trim();
        }
        log(`llama.cpp ${level}: ${message.trimEnd()}`);
      },
    });
    runtime = new Runtime(kind, llama, kind === "flash" ? new Flash() : undefined);
    return runtime;
  }

  /** All contexts together have so many threads at a time; undefined: as many as node-llama-cpp likes, which is more. */
  takeTurns(threads: number | undefined): void {
    this.llama.maxThreads = threads ?? this.#mostThreads;
  }

  /** What llama.cpp said before counts no more. */
  forgetErrors(): void {
    this.#lastError = undefined;
  }

  /** Why a model could not be loaded: llama.cpp's own words where it had some. */
  why(error: unknown): string {
    if (this.#lastError !== undefined) return this.#lastError;
    // node-llama-cpp looks into a header that it could not read.
    if (error instanceof TypeError) return "its header is damaged or cut short. Download it again.";
    return error instanceof Error ? error.message : String(error);
  }
}
