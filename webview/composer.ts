import { element, iconButton } from "./elements.js";
import { draft, post } from "./host.js";
import type { Message } from "./messages.js";

/** The input. What is typed is kept until the extension is seen to have taken it. */
export class Composer {
  readonly root = element("div", "composer");
  private readonly input = element("textarea", "input");
  private readonly send = iconButton("send", "Send", () => this.submit(), "Send (Enter)");
  private readonly stop = iconButton("stop-circle", "Stop", () => post({ type: "stop" }), "Stop (Escape)");
  private sent: string | undefined;
  private busy = false;

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
    this.root.append(this.input, element("div", "buttons", this.send, this.stop));
    this.changed();
  }

  focus(): void {
    this.input.focus();
  }

  /** Puts `text` into the input, for the person to change or send. */
  propose(text: string): void {
    this.input.value = text;
    this.changed();
    this.focus();
  }

  show(messages: readonly Message[]): void {
    const last = messages.at(-1);
    this.busy = last?.role === "assistant" && last.state === "streaming";
    if (this.sent !== undefined && messages.findLast(({ role }) => role === "user")?.text === this.sent) {
      this.sent = undefined;
      this.input.value = "";
    }
    this.changed();
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
    post({ type: "ask", text });
  }

  private changed(): void {
    draft.write(this.input.value);
    this.root.classList.toggle("filled", this.input.value.trim() !== "");
    // The button that is pressed goes away: its focus must not get lost with it.
    const hadFocus = this.root.contains(document.activeElement);
    this.send.hidden = this.busy;
    this.stop.hidden = !this.busy;
    if (hadFocus && document.activeElement !== this.input) this.input.focus();
  }
}
