/**
 * A model from its load to its first token. What is wrong in a file may end the process: llama.cpp asserts. The client is told which
 * model is on trial, so that it can name the one that the process died of.
 */
import * as l10n from "@vscode/l10n";
import { engineError } from "../../protocol/errors.js";
import { ErrorCode, type TrialChange } from "../../protocol/messages.js";

export class Trial {
  #passed = false;
  #running = 0;
  readonly #report: (change: TrialChange) => void;

  constructor(
    readonly modelPath: string,
    report: (change: TrialChange) => void,
  ) {
    this.#report = report;
  }

  /** Whether the model has given a token. */
  get passed(): boolean {
    return this.#passed;
  }

  /** Runs work that may end the process. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#passed) return work();
    this.#running += 1;
    if (this.#running === 1) this.#report({ modelPath: this.modelPath, state: "begun" });
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (this.#running === 0 && !this.#passed) this.#report({ modelPath: this.modelPath, state: "ended" });
    }
  }

  /** To be called with the first token. */
  pass(): void {
    if (this.#passed) return;
    this.#passed = true;
    this.#report({ modelPath: this.modelPath, state: "ended" });
  }
}

/** Of a model that computes NaN or infinity. Sampling would take any token, or none. */
export const damagedWeights = (modelPath: string) =>
  engineError(
    ErrorCode.NotAModel,
    l10n.t(
      "{0} is not a usable model: it computes numbers that are NaN or infinite, so its weights are damaged. Download it again.",
      modelPath,
    ),
  );
