/** Messages about a busy machine: answers take longer than estimated, and users should know why. */
import * as l10n from "@vscode/l10n";

/** Below this share of the processor, 0 to 1, other programs explain little. */
const explainingShare = 0.25;

/** @param othersShare of the processor that other programs have or had, 0 to 1 */
export function busyMachine(othersShare: number | undefined): string | undefined {
  if (othersShare === undefined || othersShare < explainingShare) return undefined;
  return l10n.t("other programs use {0}% of the processor", Math.round(100 * othersShare));
}
