/** Where models are kept. */
import { homedir } from "node:os";
import { join } from "node:path";

/** The models folder unless the user names another: in the system's application-data folder. */
export function defaultModelsFolder(): string {
  const { XDG_DATA_HOME, LOCALAPPDATA } = process.env;
  switch (process.platform) {
    case "win32":
      return join(LOCALAPPDATA || join(homedir(), "AppData", "Local"), "flint", "models");
    case "darwin":
      return join(homedir(), "Library", "Application Support", "flint", "models");
    default:
      return join(XDG_DATA_HOME || join(homedir(), ".local", "share"), "flint", "models");
  }
}
