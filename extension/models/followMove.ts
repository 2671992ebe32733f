/** The settings that name a model. */
export const modelSettings = ["model", "inlineModel", "draftModel"] as const;
export type ModelSetting = (typeof modelSettings)[number];

export interface PathSettings {
  /** The whole path that it names; undefined when it names none. */
  read(name: ModelSetting): string | undefined;
  update(name: ModelSetting, path: string): Promise<void>;
}

/** After models were moved: each setting names its model where that is now. @param moved old path to new, or the same */
export async function followMove(moved: (path: string) => string, settings: PathSettings): Promise<void> {
  for (const name of modelSettings) {
    const path = settings.read(name);
    if (path !== undefined && moved(path) !== path) await settings.update(name, moved(path));
  }
}
