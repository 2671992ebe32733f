/** What answers behind the server: `flint serve` has a sidecar of its own, a window of VS Code the one that it uses itself. */
import type { MessageConnection } from "vscode-jsonrpc";
import type { GenerationProgress, GenerationResult, LoadResult } from "../protocol/messages.js";
import type { ServedModel } from "./servedModels.js";

/** A model that can be asked now. */
export interface Ready {
  connection: MessageConnection;
  model: ServedModel;
  loaded: LoadResult;
  /** Is told how each answer goes and ends. */
  onProgress?(progress: GenerationProgress): void;
  onResult?(result: GenerationResult): void;
}

export interface ServedEngine {
  /** The model that is loaded now. */
  readonly ready: Pick<Ready, "model" | "loaded"> | undefined;
  /**
   * Runs `work` in its turn, with the model loaded.
   * @param signal ends the wait and the loading
   * @throws its reason; EngineEnded; ResponseError as `load` has it; what `work` throws
   */
  use<T>(model: ServedModel, signal: AbortSignal, work: (ready: Ready) => Promise<T>): Promise<T>;
  /** As `use`, for work that a model does at once, also while it answers. */
  consult<T>(model: ServedModel, signal: AbortSignal, work: (ready: Ready) => Promise<T>): Promise<T>;
}
