/** Errors as OpenAI's API has them: `{"error": {"message", "type", "param", "code"}}`. */
import { ResponseError } from "vscode-jsonrpc";
import { ErrorCode } from "../protocol/errors.js";
import { isPromptTooLong } from "../protocol/messages.js";

type Status = 400 | 401 | 403 | 404 | 413 | 500 | 501 | 503;

/** A request that is refused or has failed, with what its client is told. */
export class ApiError extends Error {
  constructor(
    readonly status: Status,
    readonly type: string,
    message: string,
    readonly code: string | null = null,
    readonly param: string | null = null,
  ) {
    super(message);
  }

  get body() {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

export const invalidRequest = (message: string, param: string | null = null): ApiError =>
  new ApiError(400, "invalid_request_error", message, null, param);

/** The engine has ended by itself during a request. */
export class EngineEnded extends Error {}

/** What a client is told of any error. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof EngineEnded) return new ApiError(503, "server_error", message, "engine_stopped");
  if (!(error instanceof ResponseError)) return new ApiError(500, "server_error", message);
  switch (error.code) {
    case ErrorCode.InvalidArgument:
      return isPromptTooLong(error.data)
        ? new ApiError(400, "invalid_request_error", message, "context_length_exceeded", "messages")
        : invalidRequest(message);
    case ErrorCode.DoesNotFit:
      return new ApiError(503, "server_error", message, "model_does_not_fit");
    case ErrorCode.NotAModel:
      return new ApiError(500, "server_error", message, "model_not_usable");
    case ErrorCode.ReadFailed:
      return new ApiError(500, "server_error", message, "disk_failed");
    default:
      return new ApiError(500, "server_error", message);
  }
}
