/** What all models that are to be loaded take of one cap, and what is said where they have no room. */
import { basename } from "node:path";
import type { ResponseError } from "vscode-jsonrpc";
import { type DoesNotFit, ErrorCode, type InlineRefusal, type Plan } from "../protocol.js";
import { formatAtLeast, formatSize } from "../size.js";
import { planWithDraft } from "./draft.js";
import { engineError } from "./errors.js";
import type { Flash, FlashPlan, FlashRequest } from "./flash.js";
import { planWhole, type WholePlan } from "./whole.js";

/** For an inline model: what is sent of the text around a cursor is less, as a rule. */
const inlineContextTokens = 2048;
const instead = "The chat model does the suggestions.";

export interface ModelsPlan extends FlashPlan {
  /** What the others leave of the cap for the model. */
  ramCapBytes: number;
  /** Of the inline model that is to be loaded. */
  inline?: WholePlan;
}

/**
 * Plans a model beside its draft model and the inline model, which is refused rather than the model where there is no room
 * for both. The inline model must not cost the model any of its context.
 * @throws ResponseError NotAModel, InvalidArgument, ReadFailed.
 */
export function planModels(flash: Flash, { inlineModelPath, ...alone }: FlashRequest): ModelsPlan {
  if (inlineModelPath === undefined) return planAlone(flash, alone);
  let inline: WholePlan;
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
    const needs = `both need at least ${formatAtLeast(minimumCapBytes)} with a context of ${formatCount(contextTokens)}`;
    const reason = `${basename(inlineModelPath)} has no room beside ${basename(alone.modelPath)}: ${needs}; the cap is ${formatSize(ramCapBytes)}. ${instead}`;
    return planAlone(flash, alone, { reason, minimumCapBytes });
  }
  return { ...beside, plan: { ...beside.plan, minimumCapBytes, inlineBytes: inline.bytes }, inline };
}

function planInline(flash: Flash, modelPath: string, threads: number): WholePlan {
  const { maximumContext } = flash.plan({ modelPath, threads, ramCapBytes: Number.MAX_SAFE_INTEGER }).plan;
  return planWhole(flash, { modelPath, threads, contextTokens: Math.min(inlineContextTokens, maximumContext) });
}

/** Plans the model without an inline model, and says why. */
export function planAlone(flash: Flash, request: FlashRequest, inlineRefusal?: InlineRefusal): ModelsPlan {
  const { inlineModelPath: _, ...alone } = request;
  const planned = planWithDraft(flash, alone);
  return inlineRefusal && planned.plan.fits ? { ...planned, plan: { ...planned.plan, inlineRefusal } } : planned;
}

/** The inline model's file is what is the matter with it. */
export function refusedFor(error: unknown): InlineRefusal {
  const message = error instanceof Error ? error.message : String(error);
  const stop = /[.!?]$/.test(message) ? "" : ".";
  return { reason: `No inline model: ${message}${stop} ${instead}` };
}

export function withReason(plan: Plan, ramCapBytes: number): Plan {
  if (plan.fits) return plan;
  const draft = plan.draftBytes > 0 ? ` beside its draft model` : "";
  const smaller = plan.maximumContext > 0 ? ` A context of ${formatCount(plan.maximumContext)} would fit.` : "";
  return {
    ...plan,
    reason: `needs at least ${formatAtLeast(plan.minimumCapBytes)} with a context of ${formatCount(plan.contextTokens)}${draft}; the cap is ${formatSize(ramCapBytes)}.${smaller}`,
  };
}

export function doesNotFit(plan: Plan, ramCapBytes: number): ResponseError<DoesNotFit> {
  const { reason, minimumCapBytes, maximumContext, contextTokens } = withReason(plan, ramCapBytes);
  const data = { minimumCapBytes, maximumContext, contextTokens };
  return engineError<DoesNotFit>(ErrorCode.DoesNotFit, `The model ${reason}`, data);
}

const formatCount = (tokens: number): string => tokens.toLocaleString("en");
