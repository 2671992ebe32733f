/** Which models a server offers, and by which names. */
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { ModelsFolder } from "../models/library/modelsFolder.js";
import { ApiError } from "./errors.js";

export interface ServedModel {
  /** What clients call it: its file name without the ending. */
  id: string;
  path: string;
  /** Seconds since the epoch. */
  created: number;
}

export class ServedModels {
  private constructor(private readonly read: () => Promise<ServedModel[]>) {}

  /** @throws for a file that is not there, and where two have the same name. */
  static async of(paths: readonly string[]): Promise<ServedModels> {
    const models = await Promise.all(paths.map((path) => servedModel(resolve(path))));
    const twice = models.find(({ id }, index) => models.some((other, at) => at < index && other.id === id));
    if (twice) throw new Error(`two models are called ${twice.id}`);
    return new ServedModels(async () => models);
  }

  /**
   * All models of a folder that are complete, as it is when they are asked for.
   * @param chosen the path of one that goes first, wherever it is
   */
  static inFolder(folder: () => ModelsFolder, chosen: () => string | undefined = () => undefined): ServedModels {
    return new ServedModels(async () => {
      const models = await folder().list();
      const ready = models.filter(({ state }) => state === "ready").map(({ path }) => path);
      const paths = new Set([chosen(), ...ready].filter((path) => path !== undefined));
      const found = await Promise.allSettled([...paths].map((path) => servedModel(path)));
      // It may be gone since.
      return found.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    });
  }

  list(): Promise<ServedModel[]> {
    return this.read();
  }

  /**
   * @param name as a client gives it. Where there is only one model, any name means that one: many clients send their own.
   * @param preferred is taken where no name is given
   * @throws ApiError 404
   */
  async find(name: string | undefined, preferred: ServedModel | undefined): Promise<ServedModel> {
    const models = await this.list();
    const found = models.find(({ id, path }) => name === id || name === basename(path) || name === path);
    const only = models.length === 1 ? models[0] : undefined;
    const model = found ?? only ?? (name === undefined ? (preferred ?? models[0]) : undefined);
    if (model) return model;
    const known = models.length > 0 ? `It serves ${models.map(({ id }) => id).join(", ")}.` : "It serves none.";
    const message = name === undefined ? known : `This server has no model called ${JSON.stringify(name)}. ${known}`;
    throw new ApiError(404, "invalid_request_error", message, "model_not_found", "model");
  }
}

async function servedModel(path: string): Promise<ServedModel> {
  const file = await stat(path).catch((error: unknown) => {
    throw new Error(`${path} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  return { id: basename(path).replace(/\.gguf$/i, ""), path, created: Math.floor(file.mtimeMs / 1000) };
}
