import { element, textButton } from "./elements.js";
import { post } from "./host.js";
import type { Status } from "./messages.js";

/** Of the code that is open in the editor. */
const aboutCode = [
  { label: "Explain", text: "Explain what this code does." },
  { label: "Find mistakes in", text: "Find mistakes in this code and show how to put them right." },
  { label: "Write tests for", text: "Write unit tests for this code." },
];
const general = [
  "Explain what a race condition is, with a short example",
  "Write a function that groups a list by a key",
  "Show a regular expression for ISO dates and explain it",
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
    const sentence = "Flint runs language models on this machine, within the RAM cap that you set.";
    return [
      element("p", "", sentence),
      textButton("Choose a model", () => post({ type: "act", action: { kind: "chooseModel" } })),
    ];
  }

  private withModel(model = "", fit: string | undefined, openEditor: string | undefined): HTMLElement[] {
    const suggestions = openEditor
      ? aboutCode.map(({ label, text }) => this.suggestion(`${label} ${openEditor}`, text, true))
      : general.map((text) => this.suggestion(text, text, false));
    const list = element("ul", "suggestions", ...suggestions);
    list.ariaLabel = "Things to try";
    return [element("h2", "", model), ...(fit ? [element("p", "fit", fit)] : []), list];
  }

  private suggestion(label: string, text: string, attach: boolean): HTMLElement {
    const button = element("button", "suggestion", label);
    button.type = "button";
    button.addEventListener("click", () => this.propose(text, attach));
    return element("li", "", button);
  }
}
