import { deleteKvCache } from "../../protocol/kvCacheFiles.js";
import type { EngineClient } from "./engine.js";

/** What the engine keeps on disk of the texts that it has read, as far as it is to be deleted. */
export class KvCacheFolder {
  constructor(
    private readonly folder: string,
    private readonly engine: Pick<EngineClient, "forgetSession">,
  ) {}

  /** Deletes all. @throws the system's error */
  clear(): Promise<void> {
    return deleteKvCache(this.folder);
  }

  /** Deletes what is kept of a conversation. @throws the system's error; as `EngineClient.forgetSession` */
  async forget(sessionId: string): Promise<void> {
    try {
      // First: else what is being written would come after it.
      await this.engine.forgetSession(sessionId);
    } finally {
      await deleteKvCache(this.folder, sessionId);
    }
  }
}
