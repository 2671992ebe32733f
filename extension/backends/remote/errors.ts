/** What goes wrong between here and another machine, in words. */
import * as l10n from "@vscode/l10n";
import { APIConnectionError, APIError, APIUserAbortError } from "openai";

/** A request to another machine has failed; the message is for a person. */
export class RemoteError extends Error {
  override readonly name = "RemoteError";
}

/** @returns the error as it is told; undefined where the request was given up on purpose */
export function toRemoteError(error: unknown, host: string): RemoteError | undefined {
  if (error instanceof RemoteError) return error;
  if (error instanceof APIUserAbortError) return undefined;
  if (error instanceof APIConnectionError) {
    return new RemoteError(
      l10n.t("{0} can't be reached{1}. Check that it runs, then ask again.", host, reasonOf(error)),
    );
  }
  if (error instanceof APIError) return new RemoteError(ofStatus(error, host));
  if (error instanceof SyntaxError) return new RemoteError(notOpenAi(host));
  if (error instanceof Error && error.name === "TimeoutError")
    return new RemoteError(l10n.t("{0} does not answer.", host));
  const broken = error instanceof Error && /terminated|aborted|socket|premature|other side closed/i.test(error.message);
  if (broken) {
    return new RemoteError(l10n.t("{0} closed the connection in the middle of its answer. Ask again.", host));
  }
  return new RemoteError(`${host}: ${error instanceof Error ? error.message : String(error)}`);
}

function ofStatus(error: APIError, host: string): string {
  const said = sentence(error);
  switch (error.status) {
    case 401:
    case 403:
      return l10n.t('{0} refuses the key ({1}). Set another with "Flint: Set Backend Key…".', host, error.status);
    case 404:
      return l10n.t("{0} does not have this model or route (404){1}", host, said);
    case 429:
      return l10n.t("{0} has too much to do (429). Wait a moment, then ask again.", host);
    case undefined:
      return l10n.t("{0} failed in the middle of its answer{1}", host, said);
    default:
      return error.status >= 500
        ? l10n.t("{0} failed ({1}){2}", host, error.status, said)
        : l10n.t("{0} refused the request{1}", host, said);
  }
}

export const notOpenAi = (host: string): string =>
  l10n.t("{0} sent an answer that is not in the format of OpenAI's API. Check its address in flint.backends.", host);

/** What the other machine says of it, at most a line. */
function sentence({ error, message }: APIError): string {
  const own = typeof error === "object" && error !== null && "message" in error ? String(error.message) : message;
  const [line = ""] = own.replace(/^\d{3} /, "").split("\n");
  return line === "" ? "." : `: ${line.slice(0, 300)}`;
}

/** "(ECONNREFUSED)": the innermost code. */
function reasonOf(error: unknown): string {
  let code: string | undefined;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string") code = at.code;
  }
  return code === undefined ? "" : ` (${code})`;
}
