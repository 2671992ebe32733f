/** The switch: the window's engine as a server for other programs of this machine, until it is turned off or the window closes. */
import { Emitter } from "vscode-jsonrpc";
import type { Listening } from "../../server/listen.js";
import type { ServedModels } from "../../server/servedModels.js";
import { Server } from "../../server/server.js";
import type { EngineClient } from "../engine/engine.js";
import { WindowEngine } from "./windowEngine.js";

interface EngineServerOptions {
  engine: EngineClient;
  models(): Promise<ServedModels>;
  /** Of Flint. */
  version: string;
  log(line: string): void;
}

const host = "127.0.0.1";

export class EngineServer {
  private readonly didChange = new Emitter<void>();
  /** Fires when it was started or stopped. */
  readonly onDidChange = this.didChange.event;
  private listening: Promise<Listening> | undefined;
  private current: Listening | undefined;

  constructor(private readonly options: EngineServerOptions) {}

  /** What clients are given; undefined where it does not run. */
  get address(): string | undefined {
    return this.current && `${this.current.url}/v1`;
  }

  /**
   * Starts it unless it runs.
   * @param port 0: any free one
   * @returns the address. @throws AddressRefused
   */
  async start(port: number): Promise<string> {
    const starting = this.listening ?? this.listen(port);
    this.listening = starting;
    try {
      const listening = await starting;
      if (this.listening === starting && this.current !== listening) {
        this.current = listening;
        this.didChange.fire();
      }
      return `${listening.url}/v1`;
    } catch (error) {
      if (this.listening === starting) this.listening = undefined;
      throw error;
    }
  }

  /** Ends it, and the requests that are under way. */
  stop(): void {
    const { listening } = this;
    this.listening = undefined;
    this.current = undefined;
    // Whoever started it was told what failed.
    listening?.then(({ close }) => close()).catch(() => undefined);
    if (listening) this.didChange.fire();
  }

  dispose(): void {
    this.stop();
    this.didChange.dispose();
  }

  private async listen(port: number): Promise<Listening> {
    // Not before it is wanted: most windows never serve.
    const { listen } = await import("../../server/listen.js");
    const { engine, models, version, log } = this.options;
    return listen(new Server(new WindowEngine(engine), await models(), version), { host, port, keys: [], log });
  }
}
