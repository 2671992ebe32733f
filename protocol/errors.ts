/** Errors as they cross the protocol: a code that clients decide by, a message for a person. */
import { ResponseError } from "vscode-jsonrpc";

/** JSON-RPC error codes of the engine; the command line exits with the same number (design: exit status). */
export const ErrorCode = {
  /**
   * The protocol versions differ, a request came in the wrong state (nothing loaded, already loading), or the request
   * failed in a way that has no code of its own.
   */
  InvalidState: 1,
  /** A parameter is missing, unknown, of the wrong type or out of range. The message names it and says what is allowed. */
  InvalidArgument: 2,
  /** The model and context do not fit the RAM cap. `data` is a {@link DoesNotFit}. */
  DoesNotFit: 3,
  /** Not a usable model: missing, not GGUF, cut short, of an unknown architecture. */
  NotAModel: 4,
  /** The disk failed while reading the model. */
  ReadFailed: 5,
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** `data` of a {@link ErrorCode.DoesNotFit} error: what would fit. */
export interface DoesNotFit {
  /** The smallest cap, in bytes, that works with the asked context. */
  minimumCapBytes: number;
  /** The largest context, in tokens, that works with the asked cap; 0 when none does. */
  maximumContext: number;
  /** The context that was tried. */
  contextTokens: number;
}

/** @param cause an Error or the message itself */
export function engineError<Data = undefined>(code: ErrorCode, cause: unknown, data?: Data): ResponseError<Data> {
  return new ResponseError(code, cause instanceof Error ? cause.message : String(cause), data);
}
