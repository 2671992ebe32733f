/** What a model's header says of its abilities. */
import { RequestType } from "vscode-jsonrpc";

export interface InspectParams {
  /** A `.gguf` file; of a split model its first part. */
  modelPath: string;
}
export interface Inspection {
  /** `general.name`; absent where the header has none. */
  name?: string;
  /** As of a loaded model. */
  toolsRefusal?: string;
}

/** Reads the header only; answers at once. Fails with NotAModel. */
export const inspectRequest = new RequestType<InspectParams, Inspection, never>("inspect");
