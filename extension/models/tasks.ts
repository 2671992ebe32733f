import { Emitter } from "vscode-jsonrpc";
import type { Model } from "../../models/library/model.js";

/** A person paused or cancelled it, or the window closes: no error to show. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** Work on one model that is under way in this window, with what else is known of it. */
export type Task<Details, Result> = Details & {
  readonly model: Model;
  /** Rejects with Stopped when it was stopped, or the window closes; else with what the work throws. */
  readonly result: Promise<Result>;
};

/** The tasks of one kind, at most one for each model. Knows no VS Code. */
export class Tasks<Details extends object, Result> {
  private readonly running = new Map<string, { task: Task<Details, Result>; stop: AbortController }>();
  private readonly didChange = new Emitter<Task<Details, Result> | undefined>();
  /** Fires when a task starts, ends, or is told of. */
  readonly onDidChange = this.didChange.event;

  get(model: Model): Task<Details, Result> | undefined {
    return this.running.get(model.path)?.task;
  }

  /** Starts a task; joins one that runs. */
  add(
    model: Model,
    details: Details,
    work: (task: Task<Details, Result>, signal: AbortSignal) => Promise<Result>,
  ): Task<Details, Result> {
    const before = this.get(model);
    if (before) return before;
    const stop = new AbortController();
    // A step later, when there is a task to hand over.
    const result = Promise.resolve()
      .then(() => {
        stop.signal.throwIfAborted();
        return work(task, stop.signal);
      })
      .catch((error: unknown) => {
        throw stop.signal.aborted ? new Stopped() : error;
      });
    const task: Task<Details, Result> = { ...details, model, result };
    const key = model.path;
    this.running.set(key, { task, stop });
    const ended = () => {
      this.running.delete(key);
      this.tell();
    };
    result.then(ended, ended);
    this.tell(task);
    return task;
  }

  /** Says that something has changed: of this task, or else of which there are. */
  tell(task?: Task<Details, Result>): void {
    this.didChange.fire(task);
  }

  /** Stops a task and waits for its end. @returns whether it was stopped before it had ended by itself */
  async abort(model: Model): Promise<boolean> {
    const running = this.running.get(model.path);
    if (!running) return false;
    running.stop.abort();
    // Any other error is told to who waits for the result.
    return running.task.result.then(
      () => false,
      (error: unknown) => error instanceof Stopped,
    );
  }

  /** Stops all tasks. No more events follow. */
  dispose(): void {
    for (const { stop } of this.running.values()) stop.abort();
    this.didChange.dispose();
  }
}
