import * as l10n from "@vscode/l10n";

/** The sidecar ended by itself, or could not be reached any more. */
export class EngineStopped extends Error {
  override readonly name = "EngineStopped";
  /** Whether the engine runs again; undefined when it is left stopped because it crashed too often. */
  restarted: Promise<boolean> | undefined;

  /** @param how the end in a word or two, as "signal 11" or "exit code 1". */
  constructor(readonly how: string) {
    super(l10n.t("The engine stopped ({0}).", how));
  }
}

/** The engine died while a GPU had a part of a model. */
export class GpuStopped extends EngineStopped {
  constructor(how: string) {
    super(how);
    this.message = l10n.t(
      "The engine stopped while it used the GPU ({0}). Until you restart it, the model runs on the CPU only.",
      how,
    );
  }
}

/** The engine died of a model while it was loaded, or on its first token: it would do so again. */
export class UnusableModel extends EngineStopped {
  /** @param reason a sentence or two, with the model's path and what llama.cpp said */
  constructor(
    how: string,
    readonly reason: string,
  ) {
    super(how);
    this.message = reason;
  }
}

/** What was asked for was given up on purpose; there is nothing to tell. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
  constructor() {
    super("Cancelled.");
  }
}

/** No model is chosen in the settings. */
export class NoModel extends Error {
  override readonly name = "NoModel";
  constructor() {
    super(l10n.t("No model is chosen."));
  }
}

/** A setting has a value that can't be used; the message says which and what would do. */
export class InvalidSetting extends Error {
  override readonly name = "InvalidSetting";
  /** @param setting its full name, as `flint.ramCap`. */
  constructor(
    readonly setting: string,
    message: string,
  ) {
    super(message);
  }
}
