/** What the engine is given to do, when its turn has come. */
import type { CancellationToken, MessageConnection } from "vscode-jsonrpc";
import type { GenerationProgress } from "../../protocol/messages.js";

/** Sends requests of the protocol on the connection to the sidecar. */
export type Work<Result> = (connection: MessageConnection, token: CancellationToken) => Promise<Result>;

/** As {@link Work}, for an answer. Calls `report` with its progress. */
export type AnswerWork<Result> = (
  connection: MessageConnection,
  report: (progress: GenerationProgress) => void,
) => Promise<Result>;
