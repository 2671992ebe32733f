import * as l10n from "@vscode/l10n";
import { ResponseError } from "vscode-jsonrpc";
import * as z from "zod";
import { type DoesNotFit, ErrorCode, isPromptTooLong } from "../../protocol/messages.js";
import type { Problem } from "../../webview/messages.js";
import { RemoteError } from "../backends/remote/errors.js";
import { raiseCapLabel } from "../config/schema.js";
import { EngineStopped, InvalidSetting, NoModel, UnusableModel } from "../engine/errors.js";
import type { EngineSettings } from "../engine/state.js";
import { integer, memorySize, memorySizeAtLeast } from "../numbers.js";

const doesNotFit = z.object({
  minimumCapBytes: z.number(),
  maximumContext: z.number(),
  contextTokens: z.number(),
}) satisfies z.ZodType<DoesNotFit>;

const chooseModel = { label: l10n.t("Choose a model"), action: { kind: "chooseModel" } } as const;
const pickAnother = { label: l10n.t("Pick another model"), action: { kind: "chooseModel" } } as const;
const showLog = { label: l10n.t("Show log"), action: { kind: "showLog" } } as const;
const tryAgain = { label: l10n.t("Try again"), action: { kind: "restartEngine" } } as const;
const restart = { label: l10n.t("Restart engine"), action: { kind: "restartEngine" } } as const;

/** What the error was about. */
export interface ProblemContext {
  /** Name of the model, for people. */
  model: string;
  settings: EngineSettings | undefined;
  /** Memory of this machine in bytes: no cap above it is offered. */
  totalMemoryBytes: number;
}

/** Says what happened, what it means and what to do about it. */
export function describeError(error: unknown, context: ProblemContext): Problem {
  if (error instanceof NoModel) return { message: l10n.t("No model is chosen."), actions: [chooseModel] };
  if (error instanceof InvalidSetting) {
    const action = { kind: "openSetting", setting: error.setting } as const;
    return { message: error.message, actions: [{ label: l10n.t("Open the setting"), action }] };
  }
  if (error instanceof RemoteError) return { message: error.message, actions: [pickAnother, showLog] };
  if (error instanceof UnusableModel) return { message: error.message, actions: [pickAnother, tryAgain, showLog] };
  if (error instanceof EngineStopped) {
    return {
      message: l10n.t(
        "{0} It crashed three times within five minutes and was not restarted. Your conversation is kept.",
        error.message,
      ),
      actions: [restart, showLog],
    };
  }
  if (error instanceof ResponseError) return describeResponse(error, context);
  return { message: error instanceof Error ? error.message : String(error), actions: [restart, showLog] };
}

function describeResponse(error: ResponseError<unknown>, context: ProblemContext): Problem {
  switch (error.code) {
    case ErrorCode.DoesNotFit: {
      const needs = doesNotFit.safeParse(error.data);
      if (needs.success && context.settings) return describeMisfit(needs.data, context, context.settings);
      return { message: error.message, actions: [pickAnother] };
    }
    case ErrorCode.InvalidArgument:
      return { message: error.message, actions: [...largerContext(error.data), showLog] };
    case ErrorCode.NotAModel:
      return { message: error.message, actions: [pickAnother] };
    case ErrorCode.ReadFailed:
      return {
        message: error.message,
        actions: [{ label: l10n.t("Load again"), action: { kind: "loadAgain" } }, showLog],
      };
    default:
      return { message: error.message, actions: [restart, showLog] };
  }
}

/** Of the context, what an answer wants for itself at least, in tokens. */
const answerTokens = 1024;
/** No context larger than this, in tokens, is offered: what needs more is a mistake rather than a question. */
const largestContext = 131_072;

/** Offers a context that holds a prompt which was too long, and its answer. */
function largerContext(data: unknown): Problem["actions"] {
  if (!isPromptTooLong(data)) return [];
  const tokens = 2 ** Math.ceil(Math.log2(data.promptTokens + answerTokens));
  if (tokens > largestContext) return [];
  return [{ label: l10n.t("Use a context of {0}", integer(tokens)), action: { kind: "useContext", tokens } }];
}

function describeMisfit(needs: DoesNotFit, context: ProblemContext, settings: EngineSettings): Problem {
  const { minimumCapBytes, maximumContext, contextTokens } = needs;
  const message = l10n.t(
    "{0} needs at least {1} with a context of {2}; your cap is {3}.",
    context.model,
    memorySizeAtLeast(minimumCapBytes),
    integer(contextTokens),
    memorySize(settings.ramCapBytes),
  );
  const actions: Problem["actions"] = [];
  if (minimumCapBytes > settings.ramCapBytes && minimumCapBytes < context.totalMemoryBytes) {
    actions.push({
      label: raiseCapLabel(minimumCapBytes),
      action: { kind: "raiseCap", bytes: minimumCapBytes },
    });
  }
  if (maximumContext > 0) {
    actions.push({
      label: l10n.t("Use a context of {0}", integer(maximumContext)),
      action: { kind: "useContext", tokens: maximumContext },
    });
  }
  return { message, actions: [...actions, pickAnother] };
}
