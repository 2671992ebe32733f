/** Errors as they cross the protocol: a code that clients decide by, a message for a person. */
import { ResponseError } from "vscode-jsonrpc";
import type { ErrorCode } from "../protocol.js";

/** @param cause an Error or the message itself */
export function engineError<Data = undefined>(code: ErrorCode, cause: unknown, data?: Data): ResponseError<Data> {
  return new ResponseError(code, cause instanceof Error ? cause.message : String(cause), data);
}
