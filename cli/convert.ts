/** `flint convert`: a model with ReLU feed-forward blocks becomes one whose neurons are read one by one. */
import { resolve } from "node:path";
import { costInWords } from "../models/library/conversion.js";
import { cancelledBy } from "../protocol/client.js";
import { type ConvertProgress, type ConvertResult, convertProgress, convertRequest } from "../protocol/messages.js";
import { formatSize } from "../protocol/size.js";
import { withSidecar } from "./session.js";

export interface ConvertOptions {
  out?: string;
  quantize?: string;
  calibrate?: string;
  ramCap: number;
  json?: boolean;
}

/** Prints where the model is and what was measured. @throws ResponseError. */
export async function convert(model: string, options: ConvertOptions, signal: AbortSignal): Promise<void> {
  const progressToken = "convert";
  const result = await withSidecar(({ connection }) => {
    connection.onProgress(convertProgress, progressToken, showProgress);
    const params = {
      modelPath: resolve(model),
      ramCapBytes: options.ramCap,
      progressToken,
      ...(options.out === undefined ? {} : { folder: resolve(options.out) }),
      ...(options.quantize === undefined ? {} : { quantize: options.quantize }),
      ...(options.calibrate === undefined ? {} : { calibrationPath: resolve(options.calibrate) }),
    };
    return cancelledBy(signal, ({ token }) => connection.sendRequest(convertRequest, params, token));
  });
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  signal.throwIfAborted();
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : summary(result));
}

const stages: Record<ConvertProgress["stage"], string> = {
  quantize: "Quantizing",
  calibrate: "Running the calibration text",
  layers: "Fitting and writing layers",
  write: "Writing the rest",
  verify: "Comparing with the original",
};

/** On a terminal only: the result goes to standard output. */
function showProgress({ stage, done, total }: ConvertProgress): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${stages[stage]}: ${done} of ${total}`);
}

function summary(result: ConvertResult): string {
  const { modelPath, storePath, modelBytes, storeBytes, verifiedTokens, equalTokens } = result;
  const { densePerplexity, predictPerplexity, layers } = result;
  const mean = (of: (layer: ConvertResult["layers"][number]) => number) =>
    layers.reduce((sum, layer) => sum + of(layer), 0) / layers.length;
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  const cost = predictPerplexity / densePerplexity - 1;
  return `${[
    `${modelPath} (${formatSize(modelBytes)})`,
    `${storePath} (${formatSize(storeBytes)})`,
    `${equalTokens} of ${verifiedTokens} tokens are the same as the original's`,
    `of a layer's neurons ${percent(mean(({ active }) => active))} are active, ${percent(mean(({ predicted }) => predicted))} predicted`,
    `--sparsity predict costs ${costInWords(cost)} (${densePerplexity.toFixed(2)} to ${predictPerplexity.toFixed(2)})`,
  ].join("\n")}\n`;
}
