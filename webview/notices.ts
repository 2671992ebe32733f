import * as l10n from "@vscode/l10n";
import { element, textButton } from "./elements.js";
import { postToSession } from "./host.js";
import type { Problem } from "./messages.js";
import { problemBox } from "./problem.js";

/** What there is to know of the conversation as a whole: that it is not stored, and that something was deleted. */
export class Notices {
  readonly root = element("div", "notices");
  private readonly problem = element("div", "problem-place");
  private readonly deleted = element("div", "deleted");
  private shownProblem = "";

  constructor() {
    this.problem.role = "alert";
    this.deleted.role = "status";
    this.root.append(this.problem, this.deleted);
  }

  show(problem: Problem | undefined, canUndo: boolean): void {
    const key = JSON.stringify(problem ?? "");
    // Drawn only when it changes: it is announced, and its buttons may have the focus.
    if (key !== this.shownProblem) this.problem.replaceChildren(...(problem ? [problemBox(problem)] : []));
    this.shownProblem = key;
    if (canUndo === this.deleted.hasChildNodes()) return;
    const undo = textButton(l10n.t("Undo"), () => postToSession({ type: "undoDelete" }), { secondary: true });
    const words = element("span", "", l10n.t("The question and its answer were deleted."));
    this.deleted.replaceChildren(...(canUndo ? [words, undo] : []));
  }
}
