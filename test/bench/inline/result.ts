/** What a replay has shown, and what it cost. */
import { restOfLine, type Session, sharedLength } from "./sessions.js";

export interface InlineResult {
  pauses: number;
  /** Pauses at whose end a suggestion was there. */
  shown: number;
  /** Pauses within a line at whose end the first line of what is shown equals the rest of the line. */
  exactLine: number;
  /** Of what was typed, characters that an ideal user need not have typed: who accepts what is right to the end of a word. */
  acceptedCharacters: number;
  /** From the last key to the suggestion, where one came; absent where none did. */
  p50Ms?: number;
  p95Ms?: number;
  evaluatedTokensPerKeystroke: number;
  requests: { started: number; aborted: number; shown: number };
  /** From a key that made a request useless to its end; absent where none did. */
  abortP50Ms?: number;
  abortP95Ms?: number;
  /** Suggestions that stayed although something else was typed. */
  stale: number;
  /** Suggestions that changed or vanished while they were typed along. */
  flicker: number;
  /** Of the extension host and the engine, for a minute of typing and pauses. */
  cpuSecondsPerMinute: number;
  /** Of an answer that streams all the time, where one does. */
  chatTokensPerSecond?: { alone: number; whileTyping: number };
}

/** What was seen in one pause. */
export interface Pause {
  index: number;
  shown: string;
  /** Absent where nothing came. */
  latencyMs?: number;
}

export class Tally {
  private pauses = 0;
  private shown = 0;
  private exact = 0;
  private accepted = 0;
  private readonly latencies: number[] = [];
  keystrokes = 0;
  stale = 0;
  flicker = 0;

  session(session: Session, pauses: readonly Pause[]): void {
    const saved = new Set<number>();
    for (const { index, shown, latencyMs } of pauses) {
      this.pauses++;
      const rest = restOfLine(session, index);
      if (shown === "") continue;
      this.shown++;
      if (latencyMs !== undefined) this.latencies.push(latencyMs);
      if (rest !== "" && shown.split(/\r?\n/, 1)[0] === rest) this.exact++;
      const right = shown.slice(0, sharedLength(shown.replaceAll("\r\n", "\n"), session.typed.slice(index)));
      const whole = right.length === shown.length ? right : right.replace(/[\p{L}\p{N}_]+$/u, "");
      for (let i = 0; i < whole.length; i++) saved.add(index + i);
    }
    this.accepted += saved.size;
  }

  result(cost: {
    evaluatedTokens: number;
    requests: InlineResult["requests"];
    cpuSeconds: number;
    minutes: number;
    abortMs?: readonly number[];
  }): InlineResult {
    const [p50Ms, p95Ms] = quantiles(this.latencies);
    const [abortP50Ms, abortP95Ms] = quantiles(cost.abortMs ?? []);
    return {
      pauses: this.pauses,
      shown: this.shown,
      exactLine: this.exact,
      acceptedCharacters: this.accepted,
      ...(p50Ms !== undefined && { p50Ms }),
      ...(p95Ms !== undefined && { p95Ms }),
      ...(abortP50Ms !== undefined && { abortP50Ms }),
      ...(abortP95Ms !== undefined && { abortP95Ms }),
      evaluatedTokensPerKeystroke: cost.evaluatedTokens / Math.max(1, this.keystrokes),
      requests: cost.requests,
      stale: this.stale,
      flicker: this.flicker,
      cpuSecondsPerMinute: cost.minutes === 0 ? 0 : cost.cpuSeconds / cost.minutes,
    };
  }
}

/** Median and 95%, in whole ms. */
function quantiles(times: readonly number[]): (number | undefined)[] {
  const sorted = times.toSorted((a, b) => a - b);
  return [0.5, 0.95].map((share) => {
    const ms = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    return ms === undefined ? undefined : Math.round(ms);
  });
}
