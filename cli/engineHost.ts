/**
 * The engine behind `flint serve`: a sidecar that is started when it is first needed, one loaded model, one queue for all requests. It ends
 * when nobody has asked for a while, and with it all that it held in memory.
 */
import { cancelledBy, type Sidecar } from "../protocol/client.js";
import { type LoadParams, loadRequest } from "../protocol/messages.js";
import { Turns } from "../protocol/turns.js";
import type { Ready, ServedEngine } from "../server/engine.js";
import { EngineEnded } from "../server/errors.js";
import type { ServedModel } from "../server/servedModels.js";

export interface EngineHostOptions {
  start(): Promise<Sidecar>;
  /** How a model is loaded. */
  loadParams: Pick<LoadParams, "ramCapBytes" | "contextTokens" | "draftModelPath" | "kvCache" | "vramCapBytes">;
  /** After so long without a request the memory is given back, in milliseconds. */
  idleMs: number;
}

interface Running {
  sidecar: Sidecar;
  /** Rejects with EngineEnded when the process ends by itself. */
  ended: Promise<never>;
}

export class EngineHost implements ServedEngine {
  readonly #turns = new Turns();
  #running: Promise<Running> | undefined;
  #ready: Ready | undefined;
  /** Requests that wait or are answered. */
  #users = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(private readonly options: EngineHostOptions) {}

  get ready(): Ready | undefined {
    return this.#ready;
  }

  use<T>(model: ServedModel, signal: AbortSignal, work: (ready: Ready) => Promise<T>): Promise<T> {
    return this.#busy(() =>
      this.#turns.run(async () => {
        const running = await this.#start();
        return this.#whileRunning(running, async () => work(await this.#load(running, model, signal)));
      }, signal),
    );
  }

  consult<T>(model: ServedModel, signal: AbortSignal, work: (ready: Ready) => Promise<T>): Promise<T> {
    const { ready } = this;
    const running = this.#running;
    if (!ready || !running || ready.model.path !== model.path) return this.use(model, signal, work);
    return this.#busy(async () => this.#whileRunning(await running, () => work(ready)));
  }

  /** Ends the engine. */
  async dispose(): Promise<void> {
    clearTimeout(this.#idle);
    const running = this.#running;
    this.#forget();
    await running?.then(
      ({ sidecar }) => {
        sidecar.dispose();
        return sidecar.exited;
      },
      // Whoever wanted it to start was told.
      () => undefined,
    );
  }

  async #busy<T>(work: () => Promise<T>): Promise<T> {
    clearTimeout(this.#idle);
    this.#users += 1;
    try {
      return await work();
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#idle = setTimeout(() => void this.dispose(), this.options.idleMs).unref();
    }
  }

  async #whileRunning<T>({ ended }: Running, work: () => Promise<T>): Promise<T> {
    return Promise.race([work(), ended]);
  }

  async #load({ sidecar }: Running, model: ServedModel, signal: AbortSignal): Promise<Ready> {
    if (this.#ready?.model.path === model.path) return this.#ready;
    this.#ready = undefined;
    const { connection } = sidecar;
    const loaded = await cancelledBy(signal, ({ token }) =>
      connection.sendRequest(
        loadRequest,
        { ...this.options.loadParams, modelPath: model.path, engine: "flash", sparsity: "exact" },
        token,
      ),
    ).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    this.#ready = { connection, model, loaded };
    return this.#ready;
  }

  #start(): Promise<Running> {
    if (this.#running) return this.#running;
    const running: Promise<Running> = this.options.start().then(
      (sidecar) => {
        const ended = sidecar.exited.then((end): never => {
          if (this.#running === running) this.#forget();
          if (end.unusableModel) throw end.unusableModel;
          throw new EngineEnded(
            `The engine stopped (${end.signal ?? `exit code ${end.code}`}). It starts again with the next request.`,
          );
        });
        // Nobody may be waiting for it.
        ended.catch(() => undefined);
        return { sidecar, ended };
      },
      (error: unknown) => {
        if (this.#running === running) this.#forget();
        throw error;
      },
    );
    this.#running = running;
    return running;
  }

  #forget(): void {
    this.#running = undefined;
    this.#ready = undefined;
  }
}
