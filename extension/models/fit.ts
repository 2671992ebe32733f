import { fetchHeaders, measureDisk, type Planner, planRemote } from "../../engine-native/download/remote.js";
import type { Candidate, Sources } from "../../engine-native/download/source.js";
import type { Plan } from "../../engine-native/protocol.js";

/** Plans models that are not here yet, each once, and measures the disk once. */
export class Fit {
  private readonly plans = new Map<string, Promise<Plan>>();
  private diskSpeed: Promise<number | undefined> | undefined;

  constructor(
    private readonly sources: Sources,
    private readonly planner: Planner,
    /** On whose disk they will be. */
    private readonly folder: string,
  ) {}

  /** @throws DownloadError, or what the engine throws; what `signal` says when it is aborted */
  async plan({ record }: Candidate, signal: AbortSignal): Promise<Plan> {
    const key = record.transfers[0]?.url ?? "";
    const before = this.plans.get(key);
    if (before) return before;
    const plan = this.make(record, signal);
    this.plans.set(key, plan);
    // What failed, or was no longer wanted, may be asked again.
    plan.catch(() => this.plans.delete(key));
    return plan;
  }

  private async make(record: Candidate["record"], signal: AbortSignal): Promise<Plan> {
    const headers = await fetchHeaders(record, await this.sources.http(record.client), signal, {
      attempts: 3,
      firstPauseMs: 500,
      stallMs: 15_000,
    });
    signal.throwIfAborted();
    return planRemote(record, headers, this.planner, () => {
      this.diskSpeed ??= measureDisk(this.folder, this.planner);
      return this.diskSpeed;
    });
  }
}
