/** The settings that name models: one, or, the last, any number. */
export const modelSettings = ["model", "inlineModel", "draftModel", "predictedModels"] as const;
export type ModelSetting = (typeof modelSettings)[number];

export interface PathSettings {
  /** The whole paths that it names. */
  read(name: ModelSetting): string[];
  update(name: ModelSetting, paths: string[]): Promise<void>;
}

/** After models were moved: each setting names its models where they are now. @param moved old path to new, or the same */
export async function followMove(moved: (path: string) => string, settings: PathSettings): Promise<void> {
  for (const name of modelSettings) {
    const paths = settings.read(name);
    if (paths.some((path) => moved(path) !== path)) await settings.update(name, paths.map(moved));
  }
}
