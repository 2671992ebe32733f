/** What the routes of the server share. */
import type { ServedEngine } from "./engine.js";
import type { ServedModel, ServedModels } from "./servedModels.js";

export class Server {
  constructor(
    readonly engine: ServedEngine,
    readonly models: ServedModels,
    /** Of Flint. */
    readonly version: string,
  ) {}

  /** The model that a request names, or the one that is loaded. @throws ApiError 404 */
  model(name: string | undefined): Promise<ServedModel> {
    return this.models.find(name, this.engine.ready?.model);
  }
}
