import { isDeepStrictEqual } from "node:util";
import { NoModel } from "./errors.js";
import type { EngineSettings } from "./state.js";

/** The settings as they were when they were last taken over, or what is wrong with them. */
export class CurrentSettings {
  private settings: EngineSettings | undefined;
  private invalid: { error: unknown } | undefined;

  /** @param source gives the settings of now; undefined when no model is chosen. @throws InvalidSetting */
  constructor(private readonly source: () => EngineSettings | undefined) {
    this.update();
  }

  /** What is wrong with them. */
  get error(): unknown {
    return this.invalid?.error;
  }
  get modelPath(): string | undefined {
    return this.settings?.modelPath;
  }
  get hasModel(): boolean {
    return this.settings !== undefined;
  }

  /** @throws NoModel, InvalidSetting */
  require(): EngineSettings {
    if (this.invalid) throw this.invalid.error;
    if (!this.settings) throw new NoModel();
    return this.settings;
  }

  /** Takes over the settings of now. @returns whether they may make a difference */
  update(): boolean {
    const { settings, invalid } = this;
    try {
      this.settings = this.source();
      this.invalid = undefined;
    } catch (error) {
      this.settings = undefined;
      this.invalid = { error };
    }
    return !isDeepStrictEqual(this.settings, settings) || this.invalid !== undefined || invalid !== undefined;
  }
}
