import type { RemoteReference } from "../backends/remote/reference.js";
import type { RemoteBackends } from "../backends/remote/remoteBackends.js";
import type { RemoteState } from "./status.js";

/** The chat model of another machine as the status tells of it; undefined where none is chosen. */
export function remoteState(reference: RemoteReference | undefined, backends: RemoteBackends): RemoteState | undefined {
  if (!reference) return undefined;
  const { model, backend } = reference;
  try {
    return { model, host: backends.hostOf(reference), isAnswering: backends.of(reference).isAnswering };
  } catch (error) {
    return { model, host: backend, isAnswering: false, error };
  }
}
