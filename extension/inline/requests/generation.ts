/** One completion that is being written, and whoever waits for its text. */
import { CancellationTokenSource } from "vscode-jsonrpc";
import { type Spot, typedSince } from "./cache.js";

export class Generation {
  /** Written so far, from the spot on. */
  text = "";
  /**
   * Set when nothing more comes: the model stopped by itself, nobody has use for more, or it was cut off in the middle of a word
   * perhaps.
   */
  end: "stopped" | "enough" | "cut" | undefined;
  readonly startedAt: number;
  private readonly cancellation = new CancellationTokenSource();
  private listeners = new Set<() => void>();

  constructor(
    readonly spot: Spot,
    now: number,
  ) {
    this.startedAt = now;
  }

  get ended(): boolean {
    return this.end !== undefined;
  }

  get token() {
    return this.cancellation.token;
  }

  get cancelled(): boolean {
    return this.cancellation.token.isCancellationRequested;
  }

  /**
   * What it says of another spot: the text from there on. Undefined where it does not fit what was typed since. "" also while it
   * has not come so far.
   */
  textAt(spot: Spot): string | undefined {
    const typed = typedSince(this.spot, spot);
    if (typed === undefined) return undefined;
    if (this.text.startsWith(typed)) return this.text.slice(typed.length);
    return !this.ended && typed.startsWith(this.text) ? "" : undefined;
  }

  write(text: string): void {
    this.text += text;
    this.changed();
  }

  finish(end: "stopped" | "enough" | "cut"): void {
    this.end = end;
    this.changed();
  }

  cancel(): void {
    this.cancellation.cancel();
  }

  /** Calls `listener` when the text grows or ends. @returns what ends that */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private changed(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
