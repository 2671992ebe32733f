/** What completions cost, since the extension started. */
import type { GenerationProgress, GenerationResult } from "../../protocol/messages.js";

export interface Completions {
  /** Requests, those that only read ahead included. */
  started: number;
  /** That were cancelled. */
  aborted: number;
  /** That run now. */
  pending: number;
  /** Read of prompts, as far as they were not read before, and written. */
  evaluatedTokens: number;
  /** From a cancellation to the end of what it cancelled, in ms: the last ones. */
  abortMs: readonly number[];
}

/** Of a prompt that was cancelled the pass that ran is counted as a whole. */
const passTokens = 32;
const mostAborts = 1000;

export class CompletionCounts {
  private readonly counts = { started: 0, aborted: 0, pending: 0, evaluatedTokens: 0 };
  private readonly abortMs: number[] = [];

  get all(): Completions {
    return { ...this.counts, abortMs: [...this.abortMs] };
  }

  /** Follows one request. */
  begin(): {
    progress(progress: GenerationProgress): void;
    cancel(): void;
    end(result: GenerationResult | undefined): void;
  } {
    const { counts, abortMs } = this;
    let cancelledAt: number | undefined;
    counts.started++;
    counts.pending++;
    let first: number | undefined;
    let read = 0;
    let total = 0;
    return {
      progress: (progress) => {
        if (progress.kind !== "prompt") return;
        first ??= progress.readTokens;
        ({ readTokens: read, totalTokens: total } = progress);
      },
      cancel: () => {
        cancelledAt ??= performance.now();
      },
      end: (result) => {
        counts.pending--;
        if (cancelledAt !== undefined) abortMs.push(performance.now() - cancelledAt);
        abortMs.splice(0, abortMs.length - mostAborts);
        const cancelled = result === undefined || result.finishReason === "cancelled";
        if (cancelled) counts.aborted++;
        if (first === undefined) return;
        const reached = cancelled ? Math.min(total, read + passTokens) : total;
        counts.evaluatedTokens += reached - first + (result?.tokens.length ?? 0);
      },
    };
  }
}
