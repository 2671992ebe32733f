/** The sidecar ended by itself, or could not be reached any more. */
export class EngineStopped extends Error {
  override readonly name = "EngineStopped";
  /** Whether the engine runs again; undefined when it is left stopped because it crashed too often. */
  restarted: Promise<boolean> | undefined;

  /** @param how the end in a word or two, as "signal 11" or "exit code 1". */
  constructor(readonly how: string) {
    super(`The engine stopped (${how}).`);
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
    super("No model is chosen.");
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
