import { type ModelSetting, modelSettings } from "./schema.js";

export interface PathSettings {
  /** The absolute paths that a setting names. */
  read(name: ModelSetting): string[];
  update(name: ModelSetting, paths: string[]): Promise<void>;
}

/** Updates the settings that name models after a move. @param moved gives the new path of a file, or the same */
export async function followMove(moved: (path: string) => string, settings: PathSettings): Promise<void> {
  for (const name of modelSettings) {
    const paths = settings.read(name);
    if (paths.some((path) => moved(path) !== path)) await settings.update(name, paths.map(moved));
  }
}
