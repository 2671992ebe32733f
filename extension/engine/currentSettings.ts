import { isDeepStrictEqual } from "node:util";
import { NoModel } from "./errors.js";
import type { EngineSettings } from "./state.js";

/** A model that is asked for by its path, whatever the settings say. */
export interface OtherModel {
  modelPath: string;
  /** Tokens of context, where the settings say nothing of that. Absent: the engine chooses. */
  contextTokens?: number | undefined;
}

/** The settings as they were when they were last taken over, or what is wrong with them. */
export class CurrentSettings {
  private other: OtherModel | undefined;
  private settings: EngineSettings | undefined;
  private invalid: { error: unknown } | undefined;

  /** @param source gives the settings of now, with another model; undefined when none is chosen. @throws InvalidSetting */
  constructor(private readonly source: (modelPath?: string) => EngineSettings | undefined) {
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

  /**
   * From now on with this model. A context that was asked for stays where the same model is asked for without one: loading it
   * once more for a shorter one helps nobody.
   * @param model absent: that of the settings
   * @returns whether that makes a difference
   */
  choose(model: OtherModel | undefined): boolean {
    if (isDeepStrictEqual(model, this.other)) return false;
    const path = model?.modelPath ?? this.pathOfSettings();
    const stays = this.other?.modelPath === path && model?.contextTokens === undefined;
    if (!stays) this.other = model;
    return !stays && this.update();
  }

  /** Takes over the settings of now. @returns whether they may make a difference */
  update(): boolean {
    const { settings, invalid } = this;
    try {
      this.settings = this.read();
      this.invalid = undefined;
    } catch (error) {
      this.settings = undefined;
      this.invalid = { error };
    }
    return !isDeepStrictEqual(this.settings, settings) || this.invalid !== undefined || invalid !== undefined;
  }

  private read(): EngineSettings | undefined {
    const { modelPath, contextTokens } = this.other ?? {};
    const settings = this.source(modelPath);
    return settings && contextTokens !== undefined ? { contextTokens, ...settings } : settings;
  }

  private pathOfSettings(): string | undefined {
    try {
      return this.source()?.modelPath;
    } catch {
      // What is wrong with them is said where they are read.
      return undefined;
    }
  }
}
