import { element, iconButton } from "./elements.js";
import { draft, post } from "./host.js";
import type { Message } from "./messages.js";

/** The input. What is typed is kept until the extension is seen to have taken it. */
export class Composer {
  readonly root = element("div", "composer");
  private readonly input = element("textarea", "input");
  private readonly send = iconButton("send", "Send", () => this.submit(), "Send (Enter)");
  private readonly stop = iconButton("stop-circle", "Stop", () => post({ type: "stop" }), "Stop (Escape)");
  private readonly editingLine = element("div", "editing");
  private readonly context = element("div", "context");
  private sent: string | undefined;
  private busy = false;
  /** What could be attached, and whether it is. */
  private openEditor: string | undefined;
  private attached = false;
  /** The question that is being changed, and the draft that was there before. */
  private editing: { id: string; draft: string } | undefined;

  /** @param canAsk whether there is a model to ask; where not, `onCannotAsk` is called instead of sending. */
  constructor(
    private readonly canAsk: () => boolean,
    private readonly onCannotAsk: () => void,
  ) {
    this.input.ariaLabel = "Ask Flint";
    this.input.placeholder = "Ask Flint";
    this.input.rows = 1;
    this.input.value = draft.read();
    this.input.addEventListener("input", () => {
      this.sent = undefined;
      this.changed();
    });
    this.input.addEventListener("keydown", (event) => {
      // While text is being composed with an input method, Enter belongs to that.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.submit();
    });
    const cancel = iconButton("close", "Don't change the question", () => this.cancelEdit());
    this.editingLine.append(element("span", "", "This replaces the question and all that came after it."), cancel);
    this.root.append(this.editingLine, this.context, this.input, element("div", "buttons", this.send, this.stop));
    this.changed();
    this.showContext();
  }

  focus(): void {
    this.input.focus();
  }

  /** Puts `text` into the input, for the person to change or send; with `attach` it is about the open editor. */
  propose(text: string, attach: boolean): void {
    this.input.value = text;
    this.attached = attach;
    this.changed();
    this.showContext();
    this.focus();
  }

  /** Puts a question that was asked into the input; sending it replaces the one that was asked. */
  edit(id: string, text: string): void {
    this.editing = { id, draft: this.editing?.draft ?? this.input.value };
    this.propose(text, false);
  }

  /** @param label what could be attached; undefined when no file is open */
  showOpenEditor(label: string | undefined): void {
    this.openEditor = label;
    this.attached &&= label !== undefined;
    this.showContext();
  }

  show(messages: readonly Message[]): void {
    const last = messages.at(-1);
    this.busy = last?.role === "assistant" && last.state === "streaming";
    if (this.sent !== undefined && messages.findLast(({ role }) => role === "user")?.text === this.sent) {
      this.sent = undefined;
      this.input.value = this.editing?.draft ?? "";
      this.editing = undefined;
      this.attached = false;
      this.showContext();
    }
    if (this.editing && !messages.some(({ id }) => id === this.editing?.id)) this.cancelEdit();
    this.changed();
  }

  private cancelEdit(): void {
    this.input.value = this.editing?.draft ?? this.input.value;
    this.editing = undefined;
    this.changed();
    this.focus();
  }

  private submit(): void {
    const text = this.input.value;
    // A question typed during an answer stays in the input until that has ended.
    if (text.trim() === "" || this.busy || this.sent !== undefined) return;
    if (!this.canAsk()) {
      this.onCannotAsk();
      return;
    }
    this.sent = text;
    post({ type: "ask", text, attach: this.attached, replaces: this.editing?.id });
  }

  private showContext(): void {
    const label = this.openEditor;
    this.context.hidden = label === undefined;
    const icon = element("span", `codicon codicon-${this.attached ? "check" : "add"}`);
    icon.ariaHidden = "true";
    const button = element("button", "attach", icon, label ?? "");
    button.type = "button";
    button.ariaPressed = String(this.attached);
    button.title = this.attached ? "The question is about this code. Leave it out" : "Ask about this code";
    button.ariaLabel = `Ask about ${label}`;
    button.addEventListener("click", () => {
      this.attached = !this.attached;
      this.showContext();
      this.focus();
    });
    this.context.replaceChildren(button);
  }

  private changed(): void {
    draft.write(this.editing?.draft ?? this.input.value);
    this.editingLine.hidden = this.editing === undefined;
    this.root.classList.toggle("filled", this.input.value.trim() !== "");
    // The button that is pressed goes away: its focus must not get lost with it.
    const hadFocus = this.root.contains(document.activeElement);
    this.send.hidden = this.busy;
    this.stop.hidden = !this.busy;
    if (hadFocus && document.activeElement !== this.input) this.input.focus();
  }
}
