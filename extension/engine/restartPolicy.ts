/** How many crashes, within how many milliseconds, are too many to go on restarting. */
const limit = 3;
const windowMs = 5 * 60_000;

/** Decides after a crash whether to start the engine again: not when it was the third within five minutes. */
export class RestartPolicy {
  private crashes: number[] = [];

  constructor(private readonly now: () => number = Date.now) {}

  /** Records a crash. @returns whether the engine should be started again. */
  crashed(): boolean {
    const now = this.now();
    this.crashes = [...this.crashes.filter((time) => now - time < windowMs), now];
    return this.crashes.length < limit;
  }

  /** Forgets the crashes: a person asked for a restart. */
  reset(): void {
    this.crashes = [];
  }
}
