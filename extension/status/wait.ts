import * as l10n from "@vscode/l10n";

/** A shorter wait is not worth a word. */
const shortestSeconds = 5;

/** "about 40 s before the first word"; undefined for a wait that is short or not known. */
export function waitText(seconds: number | undefined): string | undefined {
  if (seconds === undefined || seconds < shortestSeconds) return undefined;
  if (seconds >= 90) return l10n.t("about {0} min before the first word", Math.round(seconds / 60));
  return l10n.t("about {0} s before the first word", seconds < 20 ? Math.round(seconds) : 5 * Math.round(seconds / 5));
}
