import { isDeepStrictEqual } from "node:util";
import { type EngineStopped, GpuStopped, UnusableModel } from "./errors.js";
import type { EngineSettings } from "./state.js";

/** How many crashes, within how many milliseconds, are too many to go on restarting. */
const limit = 3;
const windowMs = 5 * 60_000;

/**
 * Decides after a crash whether to start the engine again: not when it was the third within five minutes, nor with a model that it
 * died of.
 */
export class RestartPolicy {
  private crashes: number[] = [];
  private loaded: EngineSettings | undefined;
  private gpuFailed = false;
  private unusable: { settings: EngineSettings | undefined; error: UnusableModel } | undefined;

  constructor(private readonly now: () => number = Date.now) {}

  /** Whether the next engine may use a GPU: not after one has died with it. */
  get allowsGpu(): boolean {
    return !this.gpuFailed;
  }

  /** To be called with what is about to be loaded. @throws UnusableModel where the engine died of that */
  permit(settings: EngineSettings): EngineSettings {
    if (this.unusable && isDeepStrictEqual(this.unusable.settings, settings)) throw this.unusable.error;
    this.loaded = settings;
    return settings;
  }

  /** Records a crash. @returns whether the engine should be started again. */
  crashed(stop: EngineStopped): boolean {
    if (stop instanceof UnusableModel) {
      this.unusable = { settings: this.loaded, error: stop };
      return false;
    }
    if (stop instanceof GpuStopped) this.gpuFailed = true;
    const now = this.now();
    this.crashes = [...this.crashes.filter((time) => now - time < windowMs), now];
    return this.crashes.length < limit;
  }

  /** Forgets the crashes: a person asked for a restart. */
  reset(): void {
    this.crashes = [];
    this.unusable = undefined;
    this.gpuFailed = false;
  }
}
