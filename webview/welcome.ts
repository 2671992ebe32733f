import * as l10n from "@vscode/l10n";
import { element, textButton } from "./elements.js";
import { post } from "./host.js";
import type { Status } from "./messages.js";

/** Of the code that is open in the editor. */
const aboutCode = (editor: string) => [
  { label: l10n.t("Explain {0}", editor), text: l10n.t("Explain what this code does.") },
  {
    label: l10n.t("Find mistakes in {0}", editor),
    text: l10n.t("Find mistakes in this code and show how to fix them."),
  },
  { label: l10n.t("Write tests for {0}", editor), text: l10n.t("Write unit tests for this code.") },
];
const general = [
  l10n.t("Explain what a race condition is, with a short example"),
  l10n.t("Write a function that groups a list by a key"),
  l10n.t("Show a regular expression for ISO dates and explain it"),
];

/** What an empty chat shows: how to begin. */
export class Welcome {
  readonly root = element("section", "welcome");
  private shown = "";

  /** @param propose puts a question into the input, with `attach` one about the open editor */
  constructor(private readonly propose: (text: string, attach: boolean) => void) {}

  /** @param openEditor what is open in the editor, as "main.ts 12–40" */
  show({ phase, model, fit }: Status, openEditor: string | undefined): void {
    const key = JSON.stringify([phase === "empty", model, fit, openEditor]);
    if (key === this.shown) return;
    this.shown = key;
    const icon = element("span", "codicon codicon-flame icon");
    icon.ariaHidden = "true";
    this.root.replaceChildren(icon, ...(phase === "empty" ? this.noModel() : this.withModel(model, fit, openEditor)));
  }

  private noModel(): HTMLElement[] {
    const sentence = l10n.t("Flint runs language models on this machine, within the RAM cap that you set.");
    return [
      element("p", "", sentence),
      textButton(l10n.t("Choose a model"), () => post({ type: "act", action: { kind: "chooseModel" } })),
    ];
  }

  private withModel(model = "", fit: string | undefined, openEditor: string | undefined): HTMLElement[] {
    const suggestions = openEditor
      ? aboutCode(openEditor).map(({ label, text }) => this.suggestion(label, text, true))
      : general.map((text) => this.suggestion(text, text, false));
    const list = element("ul", "suggestions", ...suggestions);
    list.ariaLabel = l10n.t("Things to try");
    return [element("h2", "", model), ...(fit ? [element("p", "fit", fit)] : []), list];
  }

  private suggestion(label: string, text: string, attach: boolean): HTMLElement {
    const button = element("button", "suggestion", label);
    button.type = "button";
    button.addEventListener("click", () => this.propose(text, attach));
    return element("li", "", button);
  }
}
