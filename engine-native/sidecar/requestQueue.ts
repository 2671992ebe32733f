/** Runs one request at a time, in the order in which they came. */
export class RequestQueue {
  #last: Promise<unknown> = Promise.resolve();
  #abandoned: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    return this.enter(async (abandoned) => {
      await abandoned;
      return work();
    });
  }

  /** As run, for work that itself waits for the abandoned work before it, and may be cancelled meanwhile. */
  enter<T>(work: (abandoned: Promise<unknown>) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => work(this.#abandoned));
    // Its caller gets a failure; the next request runs all the same.
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Takes over work that goes on after its result is not wanted any more: the next request waits for it. */
  abandon(work: Promise<unknown>): void {
    // Its request was answered as cancelled. It may itself have been abandoned while it waited.
    this.#abandoned = Promise.allSettled([this.#abandoned, work]);
  }

  /** Does work after the request that runs, when what that abandoned has ended. The next request waits for it as for abandoned work. */
  followUp(work: () => Promise<unknown>): void {
    this.abandon(this.#abandoned.then(work));
  }
}
