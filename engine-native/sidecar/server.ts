/** Binds the requests of protocol/messages.ts to an engine. Only what its schema allows reaches the engine. */
import { availableParallelism } from "node:os";
import * as l10n from "@vscode/l10n";
import {
  type CancellationToken,
  type MessageConnection,
  type ProgressType,
  type RequestType,
  type RequestType0,
  ResponseError,
} from "vscode-jsonrpc";
import type * as z from "zod";
import { ErrorCode, engineError } from "../../protocol/errors.js";
import {
  answerNowRequest,
  chatRequest,
  completeRequest,
  convertProgress,
  convertRequest,
  countPromptTokensRequest,
  countTokensRequest,
  detokenizeRequest,
  evaluateRequest,
  evaluationProgress,
  forgetSessionRequest,
  generationProgress,
  gpuNotification,
  initializeRequest,
  inspectRequest,
  loadProgress,
  loadRequest,
  planConversionRequest,
  planRequest,
  protocolVersion,
  renderPromptRequest,
  type SidecarState,
  shutdownRequest,
  stateNotification,
  statsRequest,
  tokenizeRequest,
  trialNotification,
  unloadRequest,
} from "../../protocol/messages.js";
import {
  answerNowParams,
  chatParams,
  checkParams,
  completeParams,
  convertParams,
  countPromptTokensParams,
  countTokensParams,
  detokenizeParams,
  evaluateParams,
  forgetSessionParams,
  initializeParams,
  inspectParams,
  loadParams,
  noParams,
  planConversionParams,
  planParams,
  tokenizeParams,
} from "../../protocol/schemas.js";
import { convert, planConversion } from "./convert.js";
import type { InferenceEngine } from "./engine.js";
import { inspect } from "./inspection.js";
import { speakTo } from "./language.js";
import { computingThreads } from "./processors.js";
import { llamaCppRelease } from "./release.js";
import { inRequestScope } from "./requestScope.js";
import type { RuntimeReport } from "./runtime.js";

/** The work of one request. The signal is aborted when the client cancels it. */
type Work<Params, Result> = (params: Params, signal: AbortSignal) => Result | Promise<Result>;

/**
 * Answers the requests of one client.
 * @param createEngine is called once, with where state changes go
 * @returns the engine
 */
export function serve(
  connection: MessageConnection,
  version: string,
  log: (line: string) => void,
  createEngine: (report: RuntimeReport & { onState(state: SidecarState): void }) => InferenceEngine,
): InferenceEngine {
  /** A client that does not read any more gets nothing; the work goes on. */
  const sent = (sending: Promise<void>) => {
    sending.catch((error: unknown) => log(`connection: ${error}`));
  };
  const engine = createEngine({
    onState: (state) => sent(connection.sendNotification(stateNotification, { state })),
    onTrial: (change) => sent(connection.sendNotification(trialNotification, change)),
    onGpu: (used) => sent(connection.sendNotification(gpuNotification, { used })),
  });
  let initialized = false;

  const answer = <Params, Result>(method: string, schema: z.ZodType<Params>, work: Work<Params, Result>) => {
    // By name: vscode-jsonrpc does not look at how many parameters come, and gives them as so many arguments.
    connection.onRequest(method, async (...given: unknown[]): Promise<unknown> => {
      const token = given.pop() as CancellationToken;
      const controller = new AbortController();
      const listener = token.onCancellationRequested(() => controller.abort());
      if (token.isCancellationRequested) controller.abort();
      try {
        if (!initialized && method !== initializeRequest.method && method !== shutdownRequest.method) {
          throw engineError(ErrorCode.InvalidState, "The first request must be initialize.");
        }
        const params = checkParams(method, schema, given.length > 1 ? given : given[0]);
        return await inRequestScope(controller, async () => work(params, controller.signal));
      } catch (error) {
        throw error instanceof ResponseError ? error : engineError(ErrorCode.InvalidState, error);
      } finally {
        listener.dispose();
      }
    });
  };
  const on = <Params, Result, Failure>(
    type: RequestType<Params, Result, Failure>,
    schema: z.ZodType<Params>,
    work: Work<Params, Result>,
  ) => answer(type.method, schema, work);
  const onPlain = <Result, Failure>(type: RequestType0<Result, Failure>, work: () => Result | Promise<Result>) =>
    answer(type.method, noParams, work);

  /** Sends progress where the client asked for it. */
  const progress =
    <Value>(type: ProgressType<Value>, { progressToken }: { progressToken?: string }) =>
    (value: Parameters<typeof connection.sendProgress<Value>>[2]) => {
      if (progressToken !== undefined) sent(connection.sendProgress(type, progressToken, value));
    };

  on(initializeRequest, initializeParams, (params) => {
    speakTo(params.display, log);
    if (params.protocolVersion !== protocolVersion) {
      throw engineError(
        ErrorCode.InvalidState,
        l10n.t(
          "Flint and its engine are from different versions (protocol {0} and {1}). Install Flint again.",
          params.protocolVersion,
          protocolVersion,
        ),
      );
    }
    initialized = true;
    return { protocolVersion, version, llamaCppRelease: llamaCppRelease() };
  });
  on(planRequest, planParams, (params) => engine.plan(params));
  on(loadRequest, loadParams, (params, signal) => engine.load(params, signal, progress(loadProgress, params)));
  on(chatRequest, chatParams, (params, signal) => engine.chat(params, signal, progress(generationProgress, params)));
  on(answerNowRequest, answerNowParams, (params) => engine.answerNow(params));
  on(forgetSessionRequest, forgetSessionParams, (params) => engine.forgetSession(params));
  on(completeRequest, completeParams, (params, signal) =>
    engine.complete(params, signal, progress(generationProgress, params)),
  );
  on(evaluateRequest, evaluateParams, (params, signal) =>
    engine.evaluate(params, signal, progress(evaluationProgress, params)),
  );
  on(convertRequest, convertParams, (params, signal) =>
    convert(params, computingThreads(availableParallelism()), signal, progress(convertProgress, params)),
  );
  on(countTokensRequest, countTokensParams, (params, signal) => engine.tokens.countTokens(params, signal));
  on(inspectRequest, inspectParams, (params) => inspect(params));
  on(tokenizeRequest, tokenizeParams, (params) => engine.tokens.tokenize(params));
  on(detokenizeRequest, detokenizeParams, (params) => engine.tokens.detokenize(params));
  on(countPromptTokensRequest, countPromptTokensParams, (params, signal) =>
    engine.tokens.countPromptTokens(params, signal),
  );
  on(renderPromptRequest, countPromptTokensParams, (params) => engine.tokens.renderPrompt(params));
  on(planConversionRequest, planConversionParams, (params) => planConversion(params));
  onPlain(statsRequest, () => engine.stats());
  onPlain(unloadRequest, () => engine.unload());
  onPlain(shutdownRequest, async () => {
    await engine.finish();
    // Messages are written in order: when this one is out, so is the answer.
    setImmediate(() => {
      void connection.sendNotification(stateNotification, { state: "empty" }).finally(() => process.exit(0));
    });
  });
  return engine;
}
