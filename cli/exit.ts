/** Exit statuses: 0; 2 usage; 3 does not fit; 4 not a usable model; 5 the disk or the network failed; 130. */
import { ResponseError } from "vscode-jsonrpc";
import { DownloadError } from "../models/errors.js";
import { ErrorCode } from "../protocol/messages.js";

/** The command was given in a way that cannot work. */
export class UsageError extends Error {}

/** What to exit with after this error; 1 for what should not happen, such as a crash of the engine. */
export function exitStatus(error: unknown): number {
  if (error instanceof UsageError) return 2;
  if (error instanceof DownloadError) {
    if (error.kind === "reference") return 2;
    return error.kind === "damaged" ? 4 : 5;
  }
  if (error instanceof ResponseError) {
    const codes: number[] = [
      ErrorCode.InvalidArgument,
      ErrorCode.DoesNotFit,
      ErrorCode.NotAModel,
      ErrorCode.ReadFailed,
    ];
    return codes.includes(error.code) ? error.code : 1;
  }
  return 1;
}
