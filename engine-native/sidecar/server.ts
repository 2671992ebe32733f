/** Binds the requests of protocol.ts to an engine. */
import { availableParallelism } from "node:os";
import { type CancellationToken, type MessageConnection, ResponseError } from "vscode-jsonrpc";
import {
  chatRequest,
  completeRequest,
  convertProgress,
  convertRequest,
  ErrorCode,
  evaluateRequest,
  evaluationProgress,
  type GenerationProgress,
  generationProgress,
  initializeRequest,
  type LoadProgress,
  loadProgress,
  loadRequest,
  planConversionRequest,
  planRequest,
  protocolVersion,
  shutdownRequest,
  stateNotification,
  statsRequest,
  unloadRequest,
} from "../protocol.js";
import { convert, planConversion } from "./convert.js";
import type { Engine, EngineState } from "./engine.js";
import { engineError } from "./errors.js";
import { llamaCppRelease } from "./release.js";

/** Answers the requests of one client. `createEngine` is called once, with where state changes go. */
export function serve(
  connection: MessageConnection,
  version: string,
  createEngine: (onState: (state: EngineState) => void) => Engine,
): void {
  const engine = createEngine((state) => void connection.sendNotification(stateNotification, { state }));
  let initialized = false;

  /** Refuses what comes before `initialize`, and makes an AbortSignal of the library's token. */
  const handle =
    <Params, Result>(work: (params: Params, signal: AbortSignal) => Result | Promise<Result>) =>
    async (params: Params, token: CancellationToken): Promise<Result> => {
      if (!initialized) throw engineError(ErrorCode.InvalidState, "The first request must be initialize.");
      const controller = new AbortController();
      const listener = token.onCancellationRequested(() => controller.abort());
      if (token.isCancellationRequested) controller.abort();
      try {
        return await work(params, controller.signal);
      } catch (error) {
        throw error instanceof ResponseError ? error : engineError(ErrorCode.InvalidState, error);
      } finally {
        listener.dispose();
      }
    };

  // Progress goes nowhere without a token.
  const onLoad = (token?: string) => (value: LoadProgress) => {
    if (token !== undefined) void connection.sendProgress(loadProgress, token, value);
  };
  const onGeneration = (token?: string) => (value: GenerationProgress) => {
    if (token !== undefined) void connection.sendProgress(generationProgress, token, value);
  };

  connection.onRequest(initializeRequest, (params) => {
    if (params.protocolVersion !== protocolVersion) {
      throw engineError(
        ErrorCode.InvalidState,
        `The client speaks version ${params.protocolVersion} of the protocol, the sidecar ${protocolVersion}. Install Flint again.`,
      );
    }
    initialized = true;
    return { protocolVersion, version, llamaCppRelease: llamaCppRelease() };
  });
  connection.onRequest(
    planRequest,
    handle((params) => engine.plan(params)),
  );
  connection.onRequest(
    loadRequest,
    handle((params, signal) => engine.load(params, signal, onLoad(params.progressToken))),
  );
  connection.onRequest(
    chatRequest,
    handle((params, signal) => engine.chat(params, signal, onGeneration(params.progressToken))),
  );
  connection.onRequest(
    completeRequest,
    handle((params, signal) => engine.complete(params, signal, onGeneration(params.progressToken))),
  );
  connection.onRequest(
    convertRequest,
    handle((params, signal) =>
      convert(params, availableParallelism(), signal, (value) => {
        if (params.progressToken !== undefined) {
          void connection.sendProgress(convertProgress, params.progressToken, value);
        }
      }),
    ),
  );
  connection.onRequest(
    planConversionRequest,
    handle((params) => planConversion(params)),
  );
  connection.onRequest(
    evaluateRequest,
    handle((params, signal) =>
      engine.evaluate(params, signal, (value) => {
        if (params.progressToken !== undefined) {
          void connection.sendProgress(evaluationProgress, params.progressToken, value);
        }
      }),
    ),
  );
  connection.onRequest(statsRequest, (token) => handle(() => engine.stats())(undefined, token));
  connection.onRequest(unloadRequest, (token) => handle(() => engine.unload())(undefined, token));
  connection.onRequest(shutdownRequest, () => {
    // Messages are written in order: when this one is out, so is the answer.
    setImmediate(() => {
      void connection.sendNotification(stateNotification, { state: "empty" }).then(() => process.exit(0));
    });
  });
}
