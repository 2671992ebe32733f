import { element, textButton } from "./elements.js";
import { post } from "./host.js";
import type { Status } from "./messages.js";

const suggestions = [
  "Explain what a race condition is, with a short example",
  "Write a function that groups a list by a key",
  "Show a regular expression for ISO dates and explain it",
];

/** What an empty chat shows: how to begin. */
export class Welcome {
  readonly root = element("section", "welcome");
  private shown = "";

  /** @param propose puts a question into the input. */
  constructor(private readonly propose: (text: string) => void) {}

  show({ phase, model, fit }: Status): void {
    const key = JSON.stringify([phase === "empty", model, fit]);
    if (key === this.shown) return;
    this.shown = key;
    const icon = element("span", "codicon codicon-flame icon");
    icon.ariaHidden = "true";
    this.root.replaceChildren(icon, ...(phase === "empty" ? this.noModel() : this.withModel(model, fit)));
  }

  private noModel(): HTMLElement[] {
    const sentence = "Flint runs language models on this machine, within the RAM cap that you set.";
    return [
      element("p", "", sentence),
      textButton("Choose a model", () => post({ type: "act", action: { kind: "chooseModel" } })),
    ];
  }

  private withModel(model = "", fit: string | undefined): HTMLElement[] {
    const buttons = suggestions.map((text) => {
      const button = element("button", "suggestion", text);
      button.type = "button";
      button.addEventListener("click", () => this.propose(text));
      return element("li", "", button);
    });
    const list = element("ul", "suggestions", ...buttons);
    list.ariaLabel = "Things to try";
    return [element("h2", "", model), ...(fit ? [element("p", "fit", fit)] : []), list];
  }
}
