/** `flint eval`: how well a model predicts a text, or fills gaps: what to decide about a quantization or sparsity by. */
import * as z from "zod";
import { cancelledBy, type Sidecar } from "../protocol/client.js";
import {
  completeRequest,
  type EvaluationResult,
  evaluateRequest,
  evaluationProgress,
  type FlashStats,
  generationProgress,
  loadRequest,
  noFlash,
} from "../protocol/messages.js";
import { formatSize } from "../protocol/size.js";
import { UsageError } from "./exit.js";
import { type LoadOptions, loadParams, tellGpuRefusal, withSidecar } from "./session.js";
import { readText } from "./text.js";

export interface EvalOptions extends LoadOptions {
  text?: string;
  infill?: string;
  json?: boolean;
}

/** One line of an `--infill` file. */
const infillCase = z.object({
  prefix: z.string(),
  suffix: z.string(),
  middle: z.string().min(1),
  language: z.string().optional(),
});
type InfillCase = z.infer<typeof infillCase>;

/** Share of cases whose middle was written exactly. */
interface InfillResult {
  exactMatch: number;
  cases: number;
  flash: FlashStats;
}

/** Prints a line for a person, or one JSON object. @throws UsageError, ResponseError. */
export async function evaluate(model: string, options: EvalOptions, signal: AbortSignal): Promise<void> {
  const work = await workOf(options);
  const result = await withSidecar(async (sidecar) => {
    const params = loadParams(model, options);
    const { plan } = await cancelledBy(signal, ({ token }) =>
      sidecar.connection.sendRequest(loadRequest, params, token),
    );
    tellGpuRefusal(plan);
    return work(sidecar, signal);
  }, options);
  signal.throwIfAborted();
  process.stdout.write(`${options.json ? JSON.stringify(result) : summary(result)}\n`);
}

type Work = (sidecar: Sidecar, signal: AbortSignal) => Promise<EvaluationResult | InfillResult>;

async function workOf({ text, infill }: EvalOptions): Promise<Work> {
  if (text !== undefined && infill === undefined) {
    const content = await readText(text);
    return (sidecar, signal) => evaluateText(sidecar, content, signal);
  }
  if (infill === undefined || text !== undefined) throw new UsageError("give either --text or --infill");
  const cases = parseCases(infill, await readText(infill));
  return (sidecar, signal) => evaluateInfill(sidecar, cases, signal);
}

function parseCases(file: string, content: string): InfillCase[] {
  const lines = content.split("\n").map((line, i) => ({ line, number: i + 1 }));
  const cases = lines
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, number }) => {
      try {
        return infillCase.parse(JSON.parse(line));
      } catch {
        throw new UsageError(`line ${number} of ${file} is no object with a prefix, a suffix and a middle`);
      }
    });
  if (cases.length === 0) throw new UsageError(`${file} has no cases`);
  return cases;
}

async function evaluateText({ connection }: Sidecar, text: string, signal: AbortSignal): Promise<EvaluationResult> {
  const progressToken = "eval";
  const listener = connection.onProgress(evaluationProgress, progressToken, ({ evaluatedTokens, totalTokens }) =>
    showProgress(evaluatedTokens, totalTokens),
  );
  try {
    const params = { text, progressToken };
    return await cancelledBy(signal, ({ token }) => connection.sendRequest(evaluateRequest, params, token));
  } finally {
    listener.dispose();
    endProgress();
  }
}

async function evaluateInfill(sidecar: Sidecar, cases: InfillCase[], signal: AbortSignal): Promise<InfillResult> {
  let exact = 0;
  let tokens = 0;
  const total: FlashStats = { ...noFlash, hitRate: 0 };
  for (const [i, each] of cases.entries()) {
    signal.throwIfAborted();
    showProgress(i, cases.length);
    const { text, flash, tokens: generated } = await fill(sidecar, each, signal);
    if (text === each.middle) exact += 1;
    tokens += generated.length;
    total.readBytes += flash.readBytes;
    total.wastedBytesPerToken += flash.wastedBytesPerToken * generated.length;
    total.readsPerToken += flash.readsPerToken * generated.length;
    total.hitRate += flash.hitRate / cases.length;
  }
  endProgress();
  const per = Math.max(1, tokens);
  const flash = {
    ...total,
    readBytesPerToken: total.readBytes / per,
    wastedBytesPerToken: total.wastedBytesPerToken / per,
    readsPerToken: total.readsPerToken / per,
  };
  return { exactMatch: exact / cases.length, cases: cases.length, flash };
}

/** Greedy; of a middle of one line only the first line that is written counts. */
function fill({ connection }: Sidecar, { prefix, suffix, middle }: InfillCase, signal: AbortSignal) {
  const oneLine = !middle.includes("\n");
  const progressToken = "infill";
  return cancelledBy(signal, async (cancellation) => {
    const listener = connection.onProgress(generationProgress, progressToken, (progress) => {
      if (oneLine && progress.kind === "text" && progress.text.includes("\n")) cancellation.cancel();
    });
    try {
      // A token is a byte at least: one more than the middle has tells that the model does not stop where it should.
      const maximumTokens = Buffer.byteLength(middle) + 1;
      const params = { prefix, suffix, maximumTokens, progressToken };
      const result = await connection.sendRequest(completeRequest, params, cancellation.token);
      return { ...result, text: oneLine ? (result.text.split("\n", 1)[0] ?? "") : result.text };
    } finally {
      listener.dispose();
    }
  });
}

/** On a terminal only: the result goes to standard output. */
function showProgress(done: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${total}`);
}
function endProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}

function summary(result: EvaluationResult | InfillResult): string {
  const flash = `${formatSize(result.flash.readBytes)} read from flash`;
  if ("cases" in result) {
    return `exact match ${percent(result.exactMatch)} of ${result.cases} cases, ${flash}`;
  }
  const { perplexity, accuracy, tokens, bytes } = result;
  const bits = (Math.log2(perplexity) * tokens) / Math.max(1, bytes);
  return `perplexity ${perplexity.toFixed(3)}, accuracy ${percent(accuracy)}, ${bits.toFixed(3)} bits a byte, ${tokens} tokens, ${flash}`;
}

const percent = (share: number) => `${(100 * share).toFixed(2)}%`;
