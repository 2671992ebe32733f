/** How long to wait for the next key before a suggestion is asked for. */

/** Longer intervals are pauses, in ms: they say nothing about how fast a person types. */
const longestInterval = 700;
/** Bounds of the wait, in ms. */
const shortest = 0;
const longest = 300;
/** Weight of what is new in the averages. */
const weight = 0.2;

/**
 * Waits as long as the person takes for a key, less a part of what the model takes for an answer: a fast model is asked in pauses
 * only, a slow one at once, as its answer comes in a pause anyway. A very fast one costs little, and nobody should wait longer for
 * it than it takes twice.
 */
export class Debounce {
  private lastKey = Number.NEGATIVE_INFINITY;
  private intervalMs = 180;
  private latencyMs = 200;

  /** @param now in ms */
  keyPressed(now: number): void {
    const interval = now - this.lastKey;
    this.lastKey = now;
    if (interval > 0 && interval < longestInterval) this.intervalMs += weight * (interval - this.intervalMs);
  }

  /** A suggestion took so long from request to text, in ms. */
  answered(latencyMs: number): void {
    this.latencyMs += weight * (latencyMs - this.latencyMs);
  }

  /**
   * How much longer to wait from now on, in ms.
   * @param answering whether somebody waits for an answer meanwhile: what the next key would end is then not begun
   */
  wait(now: number, answering = false): number {
    const pause = Math.max(shortest, 1.2 * this.intervalMs - this.latencyMs / 3);
    const wanted = Math.min(longest, answering ? 1.25 * this.intervalMs : Math.min(2 * this.latencyMs, pause));
    return Math.max(0, wanted - (now - this.lastKey));
  }
}
