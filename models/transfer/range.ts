/** Whether an answer brings the range that was asked for, of the file that was there before. */

import * as l10n from "@vscode/l10n";
import type { TransferState } from "../record.js";
import { type HttpResponse, hostOf, statusError, strongTag, validatorOf } from "./http.js";

/** What is there is of no use; the transfer begins again. */
export class Restart extends Error {
  constructor(
    message: string,
    readonly kind: "network" | "damaged",
    /** Whether the server can be asked for ranges from now on. */
    readonly ranges = true,
  ) {
    super(message);
  }
}

/**
 * @param what is being fetched, for people
 * @throws Restart where it is another file by now, or ranges are not answered; what the status stands for
 */
export function requireRange(
  response: HttpResponse,
  { next }: TransferState["spans"][number],
  { bytes, validator }: TransferState,
  what: string,
): void {
  const host = hostOf(response.url);
  const changed = new Restart(l10n.t("{0} changed on {1} while it was downloaded.", what, host), "network");
  if (response.status === 206) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.header("content-range") ?? "") ?? [];
    const etag = strongTag(response);
    if (total !== undefined && total !== "*" && Number(total) !== bytes) throw changed;
    if (etag !== undefined && validator?.startsWith('"') && etag !== validator) throw changed;
    if (Number(start) !== next)
      throw new Restart(l10n.t("{0} sent another byte range than requested.", host), "network", false);
    return;
  }
  if (response.status === 200) {
    // Either it is another file by now, or ranges are no longer answered.
    const same = validator !== undefined && validatorOf(response) === validator;
    throw same ? new Restart(l10n.t("{0} no longer supports byte ranges.", host), "network", false) : changed;
  }
  if (response.status === 416) throw changed;
  throw statusError(response, what);
}
