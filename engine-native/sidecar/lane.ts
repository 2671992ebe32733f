/** Work that is done one piece at a time, in the order in which it came. */
export class Lane {
  #last: Promise<unknown> = Promise.resolve();
  #leftBehind: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#leftBehind).then(work);
    // A failure is its caller's; the next in line runs all the same.
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Takes over what goes on after its result is not wanted any more: the next in line waits for it. */
  leaveBehind(work: Promise<unknown>): void {
    // What became of it was told as cancelled.
    this.#leftBehind = work.catch(() => undefined);
  }
}
