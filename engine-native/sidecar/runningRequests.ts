/** The requests that compute. */
export class RunningRequests {
  readonly #controllers = new Set<AbortController>();
  #waiting: (() => void)[] = [];
  #ended = false;

  get size(): number {
    return this.#controllers.size;
  }

  add(controller: AbortController): void {
    this.#controllers.add(controller);
    if (this.#ended) controller.abort();
  }

  delete(controller: AbortController): void {
    this.#controllers.delete(controller);
    if (this.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }

  abort(): void {
    for (const controller of this.#controllers) controller.abort();
  }

  /** As `abort`, also of those that come. */
  end(): void {
    this.#ended = true;
    this.abort();
  }

  /** Resolves when none runs. */
  async none(): Promise<void> {
    while (this.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
