import { ResponseError } from "vscode-jsonrpc";
import * as z from "zod";
import { type DoesNotFit, ErrorCode } from "../../engine-native/protocol.js";
import { formatAtLeast, formatSize } from "../../engine-native/size.js";
import type { Problem } from "../../webview/messages.js";
import { ramCapValue } from "../settings.js";
import { EngineStopped, InvalidSetting, NoModel } from "./errors.js";
import type { EngineSettings } from "./state.js";

const integer = new Intl.NumberFormat("en-US");

const doesNotFit = z.object({
  minimumCapBytes: z.number(),
  maximumContext: z.number(),
  contextTokens: z.number(),
}) satisfies z.ZodType<DoesNotFit>;

const chooseModel = { label: "Choose a model", action: { kind: "chooseModel" } } as const;
const pickAnother = { label: "Pick another model", action: { kind: "chooseModel" } } as const;
const showLog = { label: "Show log", action: { kind: "showLog" } } as const;
const restart = { label: "Restart engine", action: { kind: "restartEngine" } } as const;

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
  if (error instanceof NoModel) return { message: "No model is chosen.", actions: [chooseModel] };
  if (error instanceof InvalidSetting) {
    const action = { kind: "openSetting", setting: error.setting } as const;
    return { message: error.message, actions: [{ label: "Open the setting", action }] };
  }
  if (error instanceof EngineStopped) {
    return {
      message: `${error.message} It crashed three times within a few minutes, so it is left off. Your conversation is kept.`,
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
    case ErrorCode.NotAModel:
      return { message: error.message, actions: [pickAnother] };
    case ErrorCode.ReadFailed:
      return { message: error.message, actions: [{ label: "Load again", action: { kind: "loadAgain" } }, showLog] };
    default:
      return { message: error.message, actions: [restart, showLog] };
  }
}

function describeMisfit(needs: DoesNotFit, context: ProblemContext, settings: EngineSettings): Problem {
  const { minimumCapBytes, maximumContext, contextTokens } = needs;
  const message = `${context.model} needs at least ${formatAtLeast(minimumCapBytes)} with a context of ${integer.format(contextTokens)}; your cap is ${formatSize(settings.ramCapBytes)}.`;
  const actions: Problem["actions"] = [];
  if (minimumCapBytes > settings.ramCapBytes && minimumCapBytes < context.totalMemoryBytes) {
    actions.push({
      label: `Raise the cap to ${ramCapValue(minimumCapBytes).replace(/(?=[MG]iB)/, " ")}`,
      action: { kind: "raiseCap", bytes: minimumCapBytes },
    });
  }
  if (maximumContext > 0) {
    actions.push({
      label: `Use a context of ${integer.format(maximumContext)}`,
      action: { kind: "useContext", tokens: maximumContext },
    });
  }
  return { message, actions: [...actions, pickAnother] };
}
