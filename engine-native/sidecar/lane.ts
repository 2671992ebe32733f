/** Work that is done one piece at a time, in the order in which it came. */
export class Lane {
  #last: Promise<unknown> = Promise.resolve();
  #leftBehind: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    return this.enter(async (leftBehind) => {
      await leftBehind;
      return work();
    });
  }

  /** As run, for work that waits for what was left behind by itself, and may be stopped meanwhile. */
  enter<T>(work: (leftBehind: Promise<unknown>) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => work(this.#leftBehind));
    // A failure is its caller's; the next in line runs all the same.
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Takes over what goes on after its result is not wanted any more: the next in line waits for it. */
  leaveBehind(work: Promise<unknown>): void {
    // What became of it was told as cancelled. It may have been left behind itself while it waited.
    this.#leftBehind = Promise.allSettled([this.#leftBehind, work]);
  }
}
