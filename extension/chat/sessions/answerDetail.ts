import * as l10n from "@vscode/l10n";
import { busyMachine } from "../../../protocol/busyMachine.js";
import { slowDisk } from "../../../protocol/diskWarnings.js";
import type { Plan } from "../../../protocol/messages.js";
import type { Answer } from "../../backends/backend.js";
import { decimal, memorySize } from "../../numbers.js";

/** How an answer went, in a few words; undefined where there is nothing to tell. @param measured the disk's speed */
export function describe(
  { tokensPerSecond, finishReason, othersShare, flash }: Answer,
  measured: Plan["measured"],
): string | undefined {
  const slow = slowDisk(measured, flash, memorySize);
  const busy = busyMachine(othersShare);
  const parts = [
    ...(tokensPerSecond > 0 ? [l10n.t("{0} tokens/s", decimal(tokensPerSecond))] : []),
    ...(finishReason === "length" ? [l10n.t("the context is full")] : []),
    ...(finishReason === "repetition" ? [l10n.t("stopped because it repeated itself")] : []),
    ...(slow === undefined ? [] : [slow]),
    ...(busy === undefined ? [] : [busy]),
  ];
  return parts.length > 0 ? parts.join(" · ") : undefined;
}
