import { expect, test } from "vitest";
import { ErrorCodes, ResponseError } from "vscode-jsonrpc";
import { ErrorCode } from "../protocol/messages.js";
import { exitStatus, UsageError } from "./exit.js";

test.each([
  ["a usage error", new UsageError("say what"), 2],
  ["a parameter that makes no sense", new ResponseError(ErrorCode.InvalidArgument, ""), 2],
  ["a model that does not fit", new ResponseError(ErrorCode.DoesNotFit, ""), 3],
  ["a file that is no model", new ResponseError(ErrorCode.NotAModel, ""), 4],
  ["a disk that fails", new ResponseError(ErrorCode.ReadFailed, ""), 5],
  ["a request in the wrong state", new ResponseError(ErrorCode.InvalidState, ""), 1],
  ["a sidecar that fails inside", new ResponseError(ErrorCodes.InternalError, ""), 1],
  ["an error of any other kind", new Error("boom"), 1],
  ["what is no error", "boom", 1],
  ["nothing", undefined, 1],
])("%s", (_, error, status) => {
  expect(exitStatus(error)).toBe(status);
});
