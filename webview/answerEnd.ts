import * as l10n from "@vscode/l10n";
import { copyButton, element, iconButton, textButton } from "./elements.js";
import { post, postToSession } from "./host.js";
import type { AssistantMessage, ShownMessage } from "./messages.js";
import { problemBox } from "./problem.js";
import { versionPicker } from "./versions.js";

/** What stands below an answer: what can be done with it, how it went, and what went wrong. @param isLast it can be asked for again, or continued */
export function answerEnd(message: AssistantMessage & ShownMessage, isLast: boolean): HTMLElement[] {
  const { detail, state, text, problem } = message;
  if (state === "streaming") {
    return detail === undefined ? [] : [element("div", "row", element("span", "detail", detail))];
  }
  const row = element("div", "row");
  if (text !== "") row.append(copyButton(l10n.t("Copy answer"), () => post({ type: "copy", text })));
  if (isLast && !problem?.actions.some(({ action }) => action.kind === "askAgain")) {
    row.append(iconButton("refresh", l10n.t("Ask again"), () => post({ type: "act", action: { kind: "askAgain" } })));
  }
  row.append(...versionPicker(message));
  const stopped = state === "stopped" ? [l10n.t("Stopped")] : [];
  row.append(element("span", "detail", [...stopped, ...(detail ? [detail] : [])].join(" · ")));
  const isHalf = state === "stopped" || state === "error" || message.finishReason === "length";
  const go =
    isLast && isHalf && text !== ""
      ? [textButton(l10n.t("Continue"), () => postToSession({ type: "continue" }), { secondary: true })]
      : [];
  return [...(problem ? [problemBox(problem)] : []), row, ...go];
}
