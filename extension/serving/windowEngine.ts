/** The window's own engine behind the server: the same sidecar, one queue and one RAM cap with the chat. Knows no VS Code. */
import { cancelledBy } from "../../protocol/client.js";
import type { GenerationResult } from "../../protocol/messages.js";
import type { Ready, ServedEngine } from "../../server/engine.js";
import { EngineEnded } from "../../server/errors.js";
import type { ServedModel } from "../../server/servedModels.js";
import type { EngineClient } from "../engine/engine.js";
import { Cancelled, EngineStopped } from "../engine/errors.js";

export class WindowEngine implements ServedEngine {
  /** The last one that was asked for. */
  private model: ServedModel | undefined;

  constructor(private readonly engine: EngineClient) {}

  get ready(): ServedEngine["ready"] {
    const { loaded, modelPath } = this.engine;
    return loaded && this.model && this.model.path === modelPath ? { model: this.model, loaded } : undefined;
  }

  async use<T>(model: ServedModel, signal: AbortSignal, work: (ready: Ready) => Promise<T>): Promise<T> {
    let done: { value: T } | undefined;
    await this.ask(signal, (token) =>
      this.engine.answer(
        async (connection, onProgress) => {
          let last: GenerationResult | undefined;
          const onResult = (result: GenerationResult) => {
            last = result;
          };
          done = { value: await work({ ...this.readyWith(model), connection, onProgress, onResult }) };
          return last;
        },
        token,
        undefined,
        { modelPath: model.path },
      ),
    );
    if (!done) throw new EngineEnded("The engine has not answered.");
    return done.value;
  }

  consult<T>(model: ServedModel, signal: AbortSignal, work: (ready: Ready) => Promise<T>): Promise<T> {
    return this.ask(signal, (token) =>
      this.engine.consult((connection) => work({ ...this.readyWith(model), connection }), token, {
        modelPath: model.path,
      }),
    );
  }

  private readyWith(model: ServedModel): Omit<Ready, "connection"> {
    const { loaded } = this.engine;
    if (!loaded) throw new EngineEnded("The model was unloaded.");
    this.model = model;
    return { model, loaded };
  }

  private async ask<T>(
    signal: AbortSignal,
    work: (token: Parameters<EngineClient["consult"]>[1]) => Promise<T>,
  ): Promise<T> {
    try {
      return await cancelledBy(signal, ({ token }) => work(token));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Cancelled)
        throw new EngineEnded("In VS Code, the engine was stopped or set up anew. Ask again.");
      throw error instanceof EngineStopped ? new EngineEnded(error.message) : error;
    }
  }
}
