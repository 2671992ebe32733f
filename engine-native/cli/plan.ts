/** `flint plan`: what a model needs, from its header alone. */
import { resolve } from "node:path";
import { ResponseError } from "vscode-jsonrpc";
import { ErrorCode, type Plan, planRequest } from "../protocol.js";
import { formatAtLeast, formatSize } from "../size.js";
import { withSidecar } from "./session.js";

export interface PlanOptions {
  ramCap: number;
  context?: number;
  json?: boolean;
}

/** Prints the plan. @throws ResponseError DoesNotFit, after printing it. */
export async function plan(model: string, options: PlanOptions): Promise<void> {
  const result = await withSidecar(({ connection }) =>
    connection.sendRequest(planRequest, {
      modelPath: resolve(model),
      ramCapBytes: options.ramCap,
      ...(options.context === undefined ? {} : { contextTokens: options.context }),
    }),
  );
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : table(result));
  if (!result.fits) throw new ResponseError(ErrorCode.DoesNotFit, `${model} ${result.reason}`);
}

function table(plan: Plan): string {
  const rows: [string, string][] = [
    ["fits", plan.fits ? "yes" : "no"],
    ["speed", plan.estimatedTokensPerSecond ? `about ${plan.estimatedTokensPerSecond.toFixed(1)} tokens/s` : "unknown"],
    ["smallest cap", formatAtLeast(plan.minimumCapBytes)],
    ["largest context", `${plan.maximumContext.toLocaleString("en")} tokens`],
    ["context", `${plan.contextTokens.toLocaleString("en")} tokens`],
    ["weights in memory", formatSize(plan.weights.residentBytes)],
    ["weights from flash", formatSize(plan.weights.streamedBytes)],
    ["KV cache", formatSize(plan.kvBytes)],
    ["compute buffers", formatSize(plan.computeBytes)],
    ["staging", formatSize(plan.stagingBytes)],
    ["process", formatSize(plan.processBytes)],
  ];
  return rows.map(([name, value]) => `${name.padEnd(20)}${value}\n`).join("");
}
