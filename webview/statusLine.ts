import * as l10n from "@vscode/l10n";
import { element } from "./elements.js";
import { post } from "./host.js";
import type { Status } from "./messages.js";

/** What the engine is busy with: words and a bar. */
export class Activity {
  readonly root = element("div", "activity");
  private readonly words = element("span", "");
  /** For screen readers, which are told once: the words beside it count seconds. */
  readonly announcement = element("div", "unseen");
  private readonly bar = document.createElement("vscode-progress-bar");

  constructor() {
    this.bar.max = 1;
    this.root.append(this.words, this.bar);
    this.root.hidden = true;
    this.announcement.role = "status";
  }

  show({ phase, activity, fraction }: Status): void {
    // The speed of an answer has its place in the footer.
    this.root.hidden = activity === undefined || phase === "answering";
    this.words.textContent = activity ?? "";
    this.bar.ariaLabel = activity ?? "";
    this.bar.hidden = fraction === undefined;
    if (fraction !== undefined) this.bar.value = fraction;
    const told = phase === "waiting" ? l10n.t("The answer waits for the disk. You can stop it.") : "";
    if (this.announcement.textContent !== told) this.announcement.textContent = told;
  }
}

/** The last line: the model, which can be changed there, its speed and the memory it takes. */
export class Footer {
  readonly root = element("footer", "footer");
  private readonly name = element("span", "name");
  private readonly model: HTMLButtonElement;
  private readonly place = element("span", "place");
  private readonly numbers = element("span", "numbers");

  constructor() {
    const arrow = element("span", "codicon codicon-chevron-down");
    arrow.ariaHidden = "true";
    this.model = element("button", "model", this.name, arrow);
    this.model.type = "button";
    this.model.addEventListener("click", () => post({ type: "act", action: { kind: "chooseModel" } }));
    this.root.append(this.model, this.place, this.numbers);
  }

  show({ model, place, numbers, details }: Status): void {
    this.place.textContent = place ?? "";
    this.place.title = place === undefined ? "" : l10n.t("Questions and what is attached to them go to: {0}", place);
    this.name.textContent = model ?? l10n.t("No model");
    this.model.ariaLabel = model ? l10n.t("Model: {0}. Choose another", model) : l10n.t("No model. Choose one");
    this.model.title = this.model.ariaLabel;
    this.numbers.textContent = numbers.join(" · ");
    this.numbers.title = details ?? "";
  }
}
