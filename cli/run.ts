/** `flint run`: one generation. */
import { resolve } from "node:path";
import type { CancellationToken } from "vscode-jsonrpc";
import { costInWords, predictionCost } from "../models/library/conversion.js";
import { requireChatTemplate } from "../protocol/chatTemplate.js";
import { cancelledBy, type Sidecar } from "../protocol/client.js";
import { slowDisk, stalledDisk } from "../protocol/diskWarnings.js";
import {
  chatRequest,
  completeRequest,
  type GenerationParams,
  type GenerationResult,
  generationProgress,
  type LoadResult,
  loadRequest,
  type Memory,
  statsRequest,
  unloadRequest,
} from "../protocol/messages.js";
import { formatSize } from "../protocol/size.js";
import { UsageError } from "./exit.js";
import { kvCacheParams } from "./kvCache.js";
import { type LoadOptions, loadParams, tellGpuRefusal, withSidecar } from "./session.js";
import { readText } from "./text.js";

export interface RunOptions extends LoadOptions {
  prompt?: string;
  promptFile?: string;
  suffixFile?: string;
  chat?: boolean;
  tokens?: number;
  temperature: number;
  seed?: number;
  threads?: number;
  trace?: string;
  ignoreEos?: boolean;
  draftModel?: string;
  /** Bytes on disk; 0: none. */
  kvCache: number;
  json?: boolean;
}

/** Streams the answer to standard output, or prints one JSON object. @throws UsageError, ResponseError. */
export async function run(model: string, options: RunOptions, signal: AbortSignal): Promise<void> {
  const prompt = await promptText(options);
  const suffix = options.suffixFile === undefined ? undefined : await readText(options.suffixFile);
  if (options.chat && suffix !== undefined) throw new UsageError("--chat and --suffix-file do not go together");
  signal.throwIfAborted();
  if (options.sparsity === "predict") await tellPredictionCost(model);
  const { loaded, result, memory } = await withSidecar(
    (sidecar) =>
      cancelledBy(signal, async ({ token }) => {
        const start = performance.now();
        const loaded = await load(sidecar, model, options, token);
        const loadMs = performance.now() - start;
        const refusal = loaded.plan?.draftRefusal;
        if (refusal) process.stderr.write(`${refusal.reason}\n`);
        tellGpuRefusal(loaded.plan);
        if (options.chat) {
          requireChatTemplate(loaded);
          if (loaded.chatNote !== undefined) process.stderr.write(`${loaded.chatNote}\n`);
        }
        const result = await generate(sidecar, prompt, suffix, options, token);
        const { memory } = await sidecar.connection.sendRequest(statsRequest);
        // What is kept is on the disk then.
        if (options.kvCache > 0) await sidecar.connection.sendRequest(unloadRequest);
        return { loaded: { ...loaded, loadMs }, result, memory };
      }),
    options,
  );
  if (options.json) {
    const { cachedPromptTokens } = result;
    const cached = options.kvCache > 0 ? { cachedPromptTokens } : {};
    process.stdout.write(`${JSON.stringify({ ...report(model, loaded, result, memory), ...cached })}\n`);
  } else {
    process.stdout.write("\n");
    process.stderr.write(`${summary(result, memory)}\n`);
    const slow = slowDisk(loaded.plan?.measured, result.flash);
    if (slow !== undefined) process.stderr.write(`Slower than it could be: ${slow}.\n`);
  }
  signal.throwIfAborted();
}

async function promptText({ prompt, promptFile }: RunOptions): Promise<string> {
  if ((prompt === undefined) === (promptFile === undefined)) {
    throw new UsageError("give the prompt with either --prompt or --prompt-file");
  }
  return prompt ?? readText(promptFile ?? "");
}

async function tellPredictionCost(model: string): Promise<void> {
  const cost = await predictionCost(resolve(model));
  if (cost === undefined) return;
  process.stderr.write(`Predicted neurons only: ${costInWords(cost)}, measured when it was converted.\n`);
}

function load(
  { connection }: Sidecar,
  model: string,
  options: RunOptions,
  token: CancellationToken,
): Promise<LoadResult> {
  const params = {
    ...loadParams(model, options),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.draftModel === undefined ? {} : { draftModelPath: resolve(options.draftModel) }),
    ...kvCacheParams(options.kvCache),
    ...(options.trace === undefined ? {} : { tracePath: resolve(options.trace) }),
  };
  return connection.sendRequest(loadRequest, params, token);
}

async function generate(
  { connection }: Sidecar,
  prompt: string,
  suffix: string | undefined,
  options: RunOptions,
  token: CancellationToken,
): Promise<GenerationResult> {
  const progressToken = "run";
  const params: GenerationParams = {
    temperature: options.temperature,
    progressToken,
    ...(options.tokens === undefined ? {} : { maximumTokens: options.tokens }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.ignoreEos ? { ignoreEos: true } : {}),
  };
  const tellDisk = diskTeller();
  const listener = connection.onProgress(generationProgress, progressToken, (progress) => {
    if (progress.kind === "text" && !options.json) process.stdout.write(progress.text);
    if (progress.kind === "disk") tellDisk(progress.stalledMs);
  });
  try {
    return await (options.chat
      ? connection.sendRequest(chatRequest, { ...params, messages: [{ role: "user", text: prompt }] }, token)
      : connection.sendRequest(
          completeRequest,
          { ...params, prefix: prompt, ...(suffix === undefined ? {} : { suffix }) },
          token,
        ));
  } finally {
    listener.dispose();
  }
}

/** The terminal keeps what was said: once that it waits, and once that it does not any more. */
function diskTeller(): (stalledMs: number) => void {
  let waiting = false;
  return (stalledMs) => {
    const silent = stalledMs > 0;
    if (silent && !waiting) process.stderr.write(`\n${stalledDisk(stalledMs)}. Ctrl+C stops.\n`);
    if (!silent && waiting) process.stderr.write("The disk responds again.\n");
    waiting = silent;
  };
}

function report(model: string, loaded: LoadResult & { loadMs: number }, result: GenerationResult, memory: Memory) {
  const { tokens, text, promptTokens, timeToFirstTokenMs, msPerToken, tokensPerSecond, finishReason, flash } = result;
  const { capBytes, peakBytes } = memory;
  return {
    model,
    tokens,
    text,
    promptTokens,
    loadMs: loaded.loadMs,
    timeToFirstTokenMs,
    msPerToken,
    tokensPerSecond,
    memory: { capBytes, peakBytes },
    flash,
    plan: loaded.plan ?? null,
    finishReason,
  };
}

function summary({ tokens, tokensPerSecond, timeToFirstTokenMs, flash }: GenerationResult, memory: Memory): string {
  const cap = memory.capBytes === 0 ? "no cap" : `cap ${formatSize(memory.capBytes)}`;
  return [
    `${tokens.length} tokens`,
    `${tokensPerSecond.toFixed(1)} tokens/s`,
    `first after ${(timeToFirstTokenMs / 1000).toFixed(1)} s`,
    ...(flash.firstLayerMs === undefined ? [] : [`first layer in ${(flash.firstLayerMs / 1000).toFixed(2)} s`]),
    `peak memory ${formatSize(memory.peakBytes)} (${cap})`,
    `${formatSize(flash.readBytesPerToken)} read from flash for each token`,
  ].join(", ");
}
