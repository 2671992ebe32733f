import { fetchHeaders, type Header, measureDisk, planRemote, withSparseModel } from "../../models/gguf/remote.js";
import { isConvertible } from "../../models/library/conversion.js";
import type { Candidate } from "../../models/sources/resolved.js";
import type { Sources } from "../../models/sources/source.js";
import type { ConversionPlan, InlineRefusal, Plan } from "../../protocol/messages.js";

/** Asks for plans of a local file. */
export interface Planners {
  plan(modelPath: string): Promise<Plan>;
  /** @throws ResponseError for a model that can't be converted */
  planConversion(modelPath: string): Promise<ConversionPlan>;
  /** Why it can't be used for suggestions beside the chat's model; undefined where it can. */
  planInline(modelPath: string): Promise<InlineRefusal | undefined>;
}

/** What is known of a model before it is here. */
export interface Forecast {
  plan: Plan;
  /** Absent where conversion gives nothing. */
  conversion: ConversionPlan | undefined;
  /** Of a model for suggestions, where it has no room beside the chat's. */
  inlineRefusal: InlineRefusal | undefined;
}

/** Plans models that are not here yet, each once, and measures the disk once. */
export class Fit {
  private readonly forecasts = new Map<string, Promise<Forecast>>();
  private diskSpeed: Promise<number | undefined> | undefined;

  constructor(
    private readonly sources: Sources,
    private readonly planners: Planners,
    /** On whose disk they will be. */
    private readonly folder: string,
  ) {}

  /** @throws DownloadError, or what the engine throws; what `signal` says when it is aborted */
  async of({ record }: Candidate, signal: AbortSignal): Promise<Forecast> {
    const key = record.transfers[0]?.url ?? "";
    const before = this.forecasts.get(key);
    if (before) return before;
    const forecast = this.make(record, signal);
    this.forecasts.set(key, forecast);
    // What failed, or was no longer wanted, may be asked again.
    forecast.catch(() => this.forecasts.delete(key));
    return forecast;
  }

  private async make(record: Candidate["record"], signal: AbortSignal): Promise<Forecast> {
    const headers = await fetchHeaders(record, await this.sources.http(record.client), signal, {
      attempts: 3,
      firstPauseMs: 500,
      stallMs: 15_000,
    });
    signal.throwIfAborted();
    const { plan: planner } = this.planners;
    const plan = await planRemote(record, headers, planner, () => {
      this.diskSpeed ??= measureDisk(this.folder, planner);
      return this.diskSpeed;
    });
    const { planInline } = this.planners;
    const inlineRefusal = record.role === "inline" ? await withSparseModel(record, headers, planInline) : undefined;
    return { plan, conversion: await this.conversionOf(record, headers), inlineRefusal };
  }

  private async conversionOf(
    record: Candidate["record"],
    headers: readonly Header[],
  ): Promise<ConversionPlan | undefined> {
    if (!headers[0] || !isConvertible(headers[0].bytes)) return undefined;
    // Of the right kind, but with something that the converter does not know: then it runs as it is.
    return withSparseModel(record, headers, this.planners.planConversion).catch(() => undefined);
  }
}
