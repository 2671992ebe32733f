/** When tokens came, and what follows from it. Starts when it is made. */
export class Timings {
  readonly #start = performance.now();
  readonly #arrivals: number[] = [];

  /** So many tokens came now. */
  add(count: number): void {
    const now = performance.now();
    for (let i = 0; i < count; i++) this.#arrivals.push(now);
  }

  /** Milliseconds from the start to the first token; to now while there is none. */
  get timeToFirstTokenMs(): number {
    return (this.#arrivals[0] ?? performance.now()) - this.#start;
  }

  /** Of the tokens after the first: reading the prompt does not count. 0 before the second. */
  get tokensPerSecond(): number {
    const mean = this.msPerToken.mean;
    return mean === 0 ? 0 : 1000 / mean;
  }

  /** Milliseconds between tokens. All 0 before the second. */
  get msPerToken(): { mean: number; median: number; p95: number } {
    const gaps = this.#arrivals.slice(1).map((time, i) => time - (this.#arrivals[i] ?? time));
    const sorted = [...gaps].sort((a, b) => a - b);
    const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const mean = gaps.length === 0 ? 0 : gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    return { mean, median: quantile(0.5), p95: quantile(0.95) };
  }
}
