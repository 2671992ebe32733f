import * as l10n from "@vscode/l10n";
import { element, iconButton } from "./elements.js";
import { post } from "./host.js";
import type { Chip, ContextMeter } from "./messages.js";
import { integer } from "./numbers.js";

/** What is attached to the question that is being written, what could be, and how much of the context it takes. */
export class Attachments {
  readonly root = element("div", "context");
  readonly meter = element("span", "meter");
  /** What does not fit; spoken when it changes. */
  readonly notice = element("div", "notice");
  private readonly list = element("ul", "chips");
  private readonly add = iconButton(
    "add",
    l10n.t("Add context"),
    () => post({ type: "pickContext" }),
    l10n.t("Add context (@), or drop files here with Shift held down"),
  );
  private editor: { label: string; key: string } | undefined;
  private chips: readonly Chip[] = [];
  private notices: readonly string[] = [];
  private warning: string | undefined;

  /** @param onLeave the focus has no place here any more */
  constructor(private readonly onLeave: () => void) {
    this.list.ariaLabel = l10n.t("Attached");
    this.notice.role = "status";
    this.notice.hidden = true;
    this.meter.hidden = true;
    this.root.append(this.list, this.add);
    this.draw();
  }

  /** @param editor what could be attached; undefined when no file is open */
  showOpenEditor(editor: { label: string; key: string } | undefined): void {
    this.editor = editor;
    this.draw();
  }

  showContext(chips: readonly Chip[], meter: ContextMeter | undefined): void {
    this.chips = chips;
    this.meter.hidden = meter === undefined;
    this.meter.textContent = meter
      ? [
          l10n.t("{0} of {1} tokens", integer(meter.promptTokens), integer(meter.contextTokens)),
          ...(meter.wait ? [meter.wait] : []),
        ].join(" · ")
      : "";
    this.meter.title = l10n.t("What the model reads before it answers: conversation, attachments and question");
    this.meter.classList.toggle("over", meter?.notice !== undefined);
    this.notices = [...chips.flatMap(({ omitted }) => omitted ?? []), ...(meter?.notice ? [meter.notice] : [])];
    this.showNotices();
    this.draw();
  }

  /** @param warning of what is typed, in a sentence */
  warn(warning: string | undefined): void {
    this.warning = warning;
    this.showNotices();
  }

  private showNotices(): void {
    const text = [...(this.warning === undefined ? [] : [this.warning]), ...this.notices].join("\n");
    if (this.notice.textContent !== text) this.notice.textContent = text;
    this.notice.hidden = text === "";
  }

  /** Moves the focus to what is attached last. @returns false where nothing is */
  focusLast(): boolean {
    const last = [...this.list.querySelectorAll<HTMLElement>(".remove")].at(-1);
    last?.focus();
    return last !== undefined;
  }

  private draw(): void {
    const { editor, chips } = this;
    const focused = this.places().indexOf(document.activeElement);
    const open = chips.find(({ key }) => key === editor?.key);
    const items = chips.filter((chip) => chip !== open).map(chipItem);
    if (editor) items.push(element("li", "", editorButton(editor, open)));
    this.list.replaceChildren(...items);
    if (focused === -1) return;
    const place = this.places()[Math.min(focused, this.places().length - 1)];
    if (place instanceof HTMLElement) place.focus();
    else this.onLeave();
  }

  private places(): (Element | null)[] {
    return [...this.list.querySelectorAll("button")];
  }
}

/** The open file or selection, which a click attaches or takes away. */
function editorButton({ label, key }: { label: string; key: string }, attached: Chip | undefined): HTMLElement {
  const icon = element("span", `codicon codicon-${attached ? "check" : "add"}`);
  icon.ariaHidden = "true";
  const button = element("button", attached ? "attach remove" : "attach", icon, attached ? textOf(attached) : label);
  button.type = "button";
  button.ariaPressed = String(attached !== undefined);
  button.title = attached
    ? l10n.t("Attached to the question. Click to remove")
    : l10n.t("Attach this code to the question");
  button.ariaLabel = l10n.t("Ask about {0}", label);
  button.addEventListener("click", () => post(attached ? { type: "detach", id: key } : { type: "attachOpenEditor" }));
  if (attached) removeWithKeys(button, attached.id);
  return button;
}

function chipItem(chip: Chip): HTMLElement {
  const icon = element("span", `codicon codicon-${chip.icon}`);
  icon.ariaHidden = "true";
  const remove = element("button", "remove codicon codicon-close");
  remove.type = "button";
  remove.ariaLabel = l10n.t("Remove {0}", textOf(chip));
  remove.title = l10n.t("Remove");
  remove.addEventListener("click", () => post({ type: "detach", id: chip.id }));
  removeWithKeys(remove, chip.id);
  const item = element("li", "chip", icon, element("span", "name", textOf(chip)), remove);
  item.title = chip.omitted ?? chip.label;
  item.classList.toggle("cut", chip.omitted !== undefined);
  return item;
}

function removeWithKeys(button: HTMLElement, id: string): void {
  button.addEventListener("keydown", ({ key }) => {
    if (key === "Delete" || key === "Backspace") post({ type: "detach", id });
  });
}

/** "main.ts 12–40 · 210 tokens" */
function textOf({ label, tokens }: Chip): string {
  if (tokens === undefined) return label;
  return tokens === 1 ? l10n.t("{0} · 1 token", label) : l10n.t("{0} · {1} tokens", label, integer(tokens));
}
