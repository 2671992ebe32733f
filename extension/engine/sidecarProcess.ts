import { constants } from "node:os";
import * as l10n from "@vscode/l10n";
import { ConnectionError, Emitter, ErrorCodes, type MessageConnection, ResponseError } from "vscode-jsonrpc";
import type { Sidecar } from "../../protocol/client.js";
import type { SidecarEnd } from "../../protocol/sidecarEnd.js";
import { Cancelled, EngineStopped, GpuStopped, UnusableModel } from "./errors.js";

/** A started sidecar and the promise that rejects when it is gone: with EngineStopped, or Cancelled after `stop`. */
interface Running {
  sidecar: Sidecar;
  ended: Promise<never>;
  /** Makes `ended` reject with Cancelled, and ends the process. */
  stop(): void;
}

/** At most one sidecar process, started when it is first needed. Says when it ended by itself. */
export class SidecarProcess {
  private running: Promise<Running> | undefined;
  private current: Running | undefined;
  private disposed = false;
  private readonly didCrash = new Emitter<EngineStopped>();
  /** Fires when the process ended without being told to, before the requests that were under way reject. */
  readonly onDidCrash = this.didCrash.event;

  constructor(private readonly start: () => Promise<Sidecar>) {}

  /** Process id of the sidecar, while one runs. */
  get pid(): number | undefined {
    return this.current?.sidecar.process.pid;
  }

  /**
   * Runs `work` with the connection, starting a sidecar if none runs.
   * @throws what `work` throws; EngineStopped when the process ends meanwhile; Cancelled when `stop` is called meanwhile.
   */
  async use<T>(work: (connection: MessageConnection) => Promise<T>): Promise<T> {
    const running = await this.connect();
    try {
      return await Promise.race([work(running.sidecar.connection), running.ended]);
    } catch (error) {
      // The pipe closes a moment before the process is known to have ended: wait to learn how.
      if (isDisconnected(error)) return running.ended;
      throw error;
    }
  }

  /** Ends the sidecar, if one runs or is starting. The next `use` starts a new one. @returns when it has ended */
  async stop(): Promise<void> {
    const running = this.running;
    this.running = undefined;
    this.current = undefined;
    await running?.then(
      ({ stop, sidecar }) => {
        stop();
        return sidecar.exited;
      },
      () => undefined, // It never started, which whoever waits for it in `connect` is told.
    );
  }

  dispose(): void {
    this.disposed = true;
    void this.stop();
    this.didCrash.dispose();
  }

  private connect(): Promise<Running> {
    if (this.disposed) return Promise.reject(new Cancelled());
    if (this.running) return this.running;
    const starting: Promise<Running> = this.start().then(
      (sidecar) => {
        const running = this.watch(sidecar, () => this.running === starting);
        if (this.running === starting) this.current = running;
        return running;
      },
      (error: unknown) => {
        if (this.running === starting) this.running = undefined;
        throw error;
      },
    );
    this.running = starting;
    return starting;
  }

  private watch(sidecar: Sidecar, isCurrent: () => boolean): Running {
    let stop = () => sidecar.dispose();
    const ended = new Promise<never>((_, reject) => {
      stop = () => {
        // Rejected before the connection is disposed, so that requests under way see Cancelled and not its error.
        reject(new Cancelled());
        sidecar.dispose();
      };
      void sidecar.exited.then((end) => {
        const how = describeEnd(end);
        reject(errorOf(end, how));
      });
    });
    // A sidecar that closed its pipe can't be talked to: see that it is gone.
    sidecar.connection.onClose(() => sidecar.dispose());
    ended.catch((error: unknown) => {
      if (!isCurrent()) return;
      this.running = undefined;
      this.current = undefined;
      sidecar.dispose();
      if (error instanceof EngineStopped) this.didCrash.fire(error);
    });
    return { sidecar, ended, stop };
  }
}

function errorOf({ unusableModel, onGpu }: SidecarEnd, how: string): EngineStopped {
  if (unusableModel) return new UnusableModel(how, unusableModel.message);
  return onGpu ? new GpuStopped(how) : new EngineStopped(how);
}

function isDisconnected(error: unknown): boolean {
  if (error instanceof ResponseError) return error.code === ErrorCodes.PendingResponseRejected;
  return error instanceof ConnectionError;
}

function describeEnd({ code, signal }: { code: number | null; signal: NodeJS.Signals | null }): string {
  if (signal) return l10n.t("signal {0}", constants.signals[signal]);
  return code === null ? l10n.t("it could not be run") : l10n.t("exit code {0}", code);
}
