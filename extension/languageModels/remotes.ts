/** Models of other machines for VS Code's own chat and agents. */
import * as vscode from "vscode";
import type { RemoteBackends } from "../backends/remote/remoteBackends.js";
import type { RemoteModels } from "../models/remoteModels.js";
import type { OfferedModel } from "./offered.js";

/** Of a server that does not say how long its context is. */
const assumedContext = 4096;

/** @param silent nobody is there to read what is wrong */
export async function offeredRemotes(
  remote: RemoteModels,
  backends: RemoteBackends,
  silent: boolean,
  log: (line: string) => void,
): Promise<OfferedModel[]> {
  const onError = (message: string) => {
    log(`backends: ${message}`);
    if (!silent) void vscode.window.showWarningMessage(message);
  };
  try {
    const choices = await remote.list(onError);
    return choices.map(({ reference, host, contextTokens = assumedContext }) => ({
      id: `${reference.backend}/${reference.model}`,
      name: `${reference.model} (${reference.backend})`,
      detail: host,
      contextTokens,
      backend: backends.of(reference),
    }));
  } catch (error) {
    onError(error instanceof Error ? error.message : String(error));
    return [];
  }
}
