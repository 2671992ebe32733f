/** What all models that are to be loaded take of one cap, and what is said where they have no room. */
import { basename } from "node:path";
import * as l10n from "@vscode/l10n";
import type { ResponseError } from "vscode-jsonrpc";
import { engineError } from "../../protocol/errors.js";
import { type DoesNotFit, ErrorCode, type InlineRefusal, type Plan } from "../../protocol/messages.js";
import { planWithDraft } from "./draft.js";
import type { Flash, FlashPlan, FlashRequest, Planner } from "./flash.js";
import { integer, memorySize, memorySizeAtLeast, sentence } from "./language.js";
import { planResident, type ResidentPlan } from "./residentModel.js";

/** For an inline model: 256 lines before a cursor, 64 after it, and parts of other files. */
const inlineContextTokens = 4096;

export interface ModelsPlan extends FlashPlan {
  /** What the others leave of the cap for the model. */
  ramCapBytes: number;
  /** Of the inline model that is to be loaded. */
  inline?: ResidentPlan;
  /** Where there is no other inline model: room for a KV cache of the model's own for suggestions. */
  inlineCache?: InlineCache;
}

/** A second context of a model, so that suggestions and conversations do not take each other's place in the KV cache. */
interface InlineCache {
  /** Tokens. */
  contextTokens: number;
  /** Of the cap: KV cache and buffers. */
  bytes: number;
}

/**
 * Plans a model beside its draft model and the inline model, which is refused rather than the model where there is no room
 * for both. The inline model must not cost the model any of its context.
 * @throws ResponseError NotAModel, InvalidArgument, ReadFailed.
 */
export function planModels(flash: Flash, { inlineModelPath, ...alone }: FlashRequest): ModelsPlan {
  if (inlineModelPath === undefined) return withInlineCache(flash, alone, planAlone(flash, alone));
  let inline: ResidentPlan;
  try {
    inline = planInline(flash, inlineModelPath, alone.threads);
  } catch (error) {
    return planAlone(flash, alone, refusedFor(error));
  }
  const { ramCapBytes } = alone;
  const { fits, contextTokens } = flash.plan(alone).plan;
  if (!fits) return planAlone(flash, alone);
  const beside = planWithDraft(flash, {
    ...alone,
    contextTokens,
    ramCapBytes: Math.max(1, ramCapBytes - inline.bytes),
  });
  const minimumCapBytes = Math.max(inline.capBytes, beside.plan.minimumCapBytes + inline.bytes);
  if (minimumCapBytes > ramCapBytes) {
    const reason = l10n.t(
      "{0} has no room beside {1}: both need at least {2} with a context of {3}; the cap is {4}. The chat model does the suggestions.",
      basename(inlineModelPath),
      basename(alone.modelPath),
      memorySizeAtLeast(minimumCapBytes),
      integer(contextTokens),
      memorySize(ramCapBytes),
    );
    return planAlone(flash, alone, { reason, minimumCapBytes });
  }
  return { ...beside, plan: { ...beside.plan, minimumCapBytes, inlineBytes: inline.bytes }, inline };
}

/** Only where it costs nothing: with all weights in memory, and still so beside it. A GPU has no room planned for it. */
function withInlineCache(flash: Planner, { ramCapBytes, ...alone }: FlashRequest, planned: ModelsPlan): ModelsPlan {
  const { fits, weights, contextTokens: chatTokens } = planned.plan;
  if (!fits || !isResident(weights) || planned.plan.gpu) return planned;
  const contextTokens = Math.min(inlineContextTokens, chatTokens);
  const own = flash.plan({ ...alone, contextTokens, ramCapBytes: Number.MAX_SAFE_INTEGER }).plan;
  const bytes = own.kvBytes + own.computeBytes;
  if (bytes >= ramCapBytes) return planned;
  const beside = flash.plan({ ...alone, contextTokens: chatTokens, ramCapBytes: ramCapBytes - bytes }).plan;
  if (!beside.fits || !isResident(beside.weights) || beside.kvType !== planned.plan.kvType) return planned;
  return { ...planned, ramCapBytes: ramCapBytes - bytes, inlineCache: { contextTokens, bytes } };
}

const isResident = ({ streamedBytes, pinnedBytes, expertCacheBytes, neuronCacheBytes }: Plan["weights"]): boolean =>
  streamedBytes + pinnedBytes + expertCacheBytes + neuronCacheBytes === 0;

function planInline(flash: Flash, modelPath: string, threads: number): ResidentPlan {
  const { maximumContext } = flash.plan({ modelPath, threads, ramCapBytes: Number.MAX_SAFE_INTEGER }).plan;
  return planResident(flash, { modelPath, threads, contextTokens: Math.min(inlineContextTokens, maximumContext) });
}

/** Plans the model without an inline model, and says why. */
export function planAlone(flash: Flash, request: FlashRequest, inlineRefusal?: InlineRefusal): ModelsPlan {
  const { inlineModelPath: _, ...alone } = request;
  const planned = planWithDraft(flash, alone);
  return inlineRefusal && planned.plan.fits ? { ...planned, plan: { ...planned.plan, inlineRefusal } } : planned;
}

/**
 * Plans a model without the GPU that it was to be loaded on.
 * @param why it could not take its part, in words
 */
export function planWithoutGpu(flash: Flash, request: FlashRequest, before: ModelsPlan, why: string): ModelsPlan {
  const { ramCapBytes, gpu, inline } = before;
  const { contextTokens, inlineBytes } = before.plan;
  // Its libraries stay loaded.
  const gpuRefusal = l10n.t(
    "The GPU could not take its part of the model: {0} The model runs on the CPU only.",
    sentence(why),
  );
  const without = { gpu: gpu && { ...gpu, bytes: 0 }, gpuRefusal };
  const planned = planAlone(flash, { ...request, ...without, ramCapBytes, contextTokens }, before.plan.inlineRefusal);
  const minimumCapBytes = planned.plan.minimumCapBytes + inlineBytes;
  return { ...planned, plan: { ...planned.plan, inlineBytes, minimumCapBytes }, ...(inline && { inline }) };
}

/** The inline model's file is what is the matter with it. */
export function refusedFor(error: unknown): InlineRefusal {
  const message = error instanceof Error ? error.message : String(error);
  return { reason: l10n.t("No inline model: {0} The chat model does the suggestions.", sentence(message)) };
}

export function withReason(plan: Plan, ramCapBytes: number): Plan {
  if (plan.fits) return plan;
  const { maximumContext } = plan;
  const reason = l10n.t(
    "needs at least {0} with a context of {1}; the cap is {2}.{3}",
    memorySizeAtLeast(plan.minimumCapBytes),
    integer(plan.contextTokens),
    memorySize(ramCapBytes),
    maximumContext > 0 ? l10n.t(" A context of {0} would fit.", integer(maximumContext)) : "",
  );
  return { ...plan, reason };
}

export function doesNotFit(plan: Plan, ramCapBytes: number): ResponseError<DoesNotFit> {
  const { reason = "", minimumCapBytes, maximumContext, contextTokens } = withReason(plan, ramCapBytes);
  const data = { minimumCapBytes, maximumContext, contextTokens };
  return engineError<DoesNotFit>(ErrorCode.DoesNotFit, l10n.t("The model {0}", reason), data);
}
