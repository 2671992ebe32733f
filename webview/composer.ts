import * as l10n from "@vscode/l10n";
import { Attachments } from "./attachments.js";
import { CommandList } from "./commandList.js";
import { element, iconButton, toggleButton } from "./elements.js";
import { post, postToSession } from "./host.js";
import { type Draft, longestQuestion, type Message, type ShownQueued, type SlashCommand } from "./messages.js";
import { integer } from "./numbers.js";
import { Recall } from "./recall.js";
import { commandOf, expandCommand } from "./slashCommands.js";

/** The input. What is typed is kept by the extension, and stays here until that is seen to have taken it. */
export class Composer {
  readonly root = element("div", "composer");
  private readonly input = element("textarea", "input");
  private readonly send = iconButton("send", l10n.t("Send"), () => this.submit(), l10n.t("Send (Enter)"));
  private readonly enqueue = iconButton(
    "list-ordered",
    l10n.t("Queue question"),
    () => this.submit(),
    l10n.t("Ask when the answer has ended (Enter)"),
  );
  private readonly stop = iconButton(
    "stop-circle",
    l10n.t("Stop"),
    () => postToSession({ type: "stop" }),
    l10n.t("Stop (Escape)"),
  );
  private readonly thinking = toggleButton("thinking", l10n.t("Think before answering"), (thinking) =>
    post({ type: "setThinking", thinking }),
  );
  private readonly editingLine = element("div", "editing");
  private readonly editingWords = element("span", "");
  private readonly recall = new Recall();
  readonly attachments = new Attachments(() => this.focus());
  private readonly commands = new CommandList(this.input, ({ name }) => this.setCommand(name));
  /** That the question begins with. */
  private command: string | undefined;
  private sent: string | undefined;
  private busy = false;
  /** Behind the `@` that has opened the list of what can be attached, if one has. */
  private afterAt: number | undefined;
  /** The question that is being changed, and the draft that was there before. */
  private editing: { id: string; draft: string } | undefined;
  private queue: readonly ShownQueued[] = [];
  /** Until the extension has said what it has kept. */
  private isFresh = true;

  /** @param canAsk whether there is a model to ask; where not, `onCannotAsk` is called instead of sending. */
  constructor(
    private readonly canAsk: () => boolean,
    private readonly onCannotAsk: () => void,
  ) {
    this.input.ariaLabel = l10n.t("Ask Flint");
    this.input.placeholder = l10n.t("Ask Flint. @ attaches context, / lists commands");
    this.input.rows = 1;
    this.input.addEventListener("input", (event) => {
      this.sent = undefined;
      this.changed();
      this.keep();
      this.commands.update();
      if (event instanceof InputEvent && event.data === "@" && !event.isComposing) this.pickContext();
    });
    this.input.addEventListener("keydown", (event) => {
      if (this.commands.handles(event)) return;
      if (event.key === "Backspace" && this.input.value === "" && this.attachments.focusLast()) event.preventDefault();
      if (event.key === "ArrowUp" || event.key === "ArrowDown") this.recallWith(event, event.key);
      // While text is being composed with an input method, Enter belongs to that.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.submit();
    });
    this.thinking.hidden = true;
    const cancel = iconButton("close", l10n.t("Cancel editing"), () => this.cancelEdit());
    this.editingLine.append(this.editingWords, cancel);
    const { root, notice, meter } = this.attachments;
    const buttons = element("div", "buttons", meter, this.thinking, this.send, this.enqueue, this.stop);
    this.root.append(this.commands.root, this.editingLine, root, this.input, notice, buttons);
    this.changed();
  }

  focus(): void {
    this.input.focus();
  }

  /** Puts `text` into the input, for the person to change or send; with `attach` it is about the open editor. */
  propose(text: string, attach: boolean): void {
    this.input.value = text;
    if (attach) post({ type: "attachOpenEditor" });
    this.changed();
    this.keep();
    this.focus();
  }

  /** The list of what can be attached was closed. @param attached whether the `@` that opened it has been of use */
  picked(attached: boolean): void {
    const { input, afterAt } = this;
    if (attached && afterAt !== undefined && input.value[afterAt - 1] === "@") {
      input.setRangeText("", afterAt - 1, afterAt, "end");
      this.changed();
      this.keep();
    }
    this.afterAt = undefined;
    this.focus();
  }

  /** @param commands that a question may begin with */
  showCommands(commands: readonly SlashCommand[]): void {
    this.commands.commands = commands;
    this.commandChanged();
  }

  /** Puts a question that was asked, or that waits, into the input; sending it makes another version of that. */
  edit(id: string, text: string): void {
    this.editing = { id, draft: this.editing?.draft ?? this.input.value };
    this.propose(text, false);
  }

  /** Puts a draft there that the extension has kept, unless the person was faster when the page was opened. */
  showDraft({ text, editing }: Draft): void {
    const wasFaster = this.isFresh && this.input.value !== "";
    this.isFresh = false;
    if (wasFaster) {
      this.keep();
      return;
    }
    this.sent = undefined;
    this.editing = editing && { id: editing.id, draft: text };
    this.input.value = editing?.text ?? text;
    this.changed();
  }

  /** @param thinks whether models are to think before they answer; undefined where there is no choice */
  showThinking(thinks: boolean | undefined): void {
    this.thinking.hidden = thinks === undefined;
    this.thinking.checked = thinks ?? false;
    this.thinking.title = thinks
      ? l10n.t("The model thinks before it answers. Click to have answers at once")
      : l10n.t("The model answers at once. Click to let it think first");
  }

  /** Whether an answer is under way: a question is queued then. */
  get isBusy(): boolean {
    return this.busy;
  }

  show(messages: readonly Message[], queue: readonly ShownQueued[]): void {
    const last = messages.at(-1);
    this.busy = last?.role === "assistant" && last.state === "streaming";
    this.queue = queue;
    const questions = messages.filter(({ role }) => role === "user").map(({ text }) => text);
    this.recall.show(questions);
    const { sent } = this;
    if (sent !== undefined && (questions.at(-1) === sent || queue.some(({ text }) => text === sent))) {
      this.sent = undefined;
      this.input.value = this.editing?.draft ?? "";
      this.editing = undefined;
      this.keep();
    }
    const { editing } = this;
    if (editing && ![...messages, ...queue].some(({ id }) => id === editing.id)) this.endEdit(editing.draft);
    this.changed();
  }

  private cancelEdit(): void {
    this.input.value = this.editing?.draft ?? this.input.value;
    this.editing = undefined;
    this.changed();
    this.keep();
    this.focus();
  }

  /** What was being changed is gone: the words stay. */
  private endEdit(draft: string): void {
    this.input.value = [draft, this.input.value].filter((text) => text.trim() !== "").join("\n");
    this.editing = undefined;
    this.keep();
  }

  /** Lets the extension keep what is typed: it outlives this page. */
  private keep(): void {
    // Before, it is not known what it belongs to; it is kept once that is.
    if (this.isFresh) return;
    const { editing, input } = this;
    const draft = editing
      ? { text: editing.draft, editing: { id: editing.id, text: input.value } }
      : { text: input.value };
    const question = expandCommand(input.value, this.commands.commands);
    // What can't be sent can't be kept either, and the notice says so.
    if (Math.max(input.value.length, question.length) > longestQuestion) return;
    postToSession({ type: "draft", draft, ...(question === input.value ? {} : { question }) });
  }

  private recallWith(event: KeyboardEvent, key: "ArrowUp" | "ArrowDown"): void {
    if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || this.editing) return;
    const text = this.recall.step(key, this.input.value);
    if (text === undefined) return;
    event.preventDefault();
    this.input.value = text;
    this.input.setSelectionRange(text.length, text.length);
    this.changed();
    this.keep();
  }

  private submit(): void {
    const text = expandCommand(this.input.value, this.commands.commands);
    if (text.trim() === "" || text.length > longestQuestion || this.sent !== undefined) return;
    if (!this.canAsk()) {
      this.onCannotAsk();
      return;
    }
    const id = this.editing?.id;
    const isQueued = this.queue.some((queued) => queued.id === id);
    // Another version of a question that was asked stays in the input until the answer under way has ended.
    if (this.busy && id !== undefined && !isQueued) return;
    this.sent = text;
    if (id !== undefined && isQueued) {
      postToSession({ type: "changeQueued", id, text });
      return;
    }
    postToSession({ type: "ask", text, replaces: id });
  }

  /** Of an `@` at the beginning of a word; one inside is part of an address. */
  private pickContext(): void {
    const at = this.input.selectionStart;
    if (!/(^|\s)@$/.test(this.input.value.slice(0, at))) return;
    this.afterAt = at;
    post({ type: "pickContext" });
  }

  private setCommand(name: string): void {
    this.input.value = `/${name} `;
    this.changed();
    this.keep();
    this.focus();
  }

  /** Has what a command is about attached, when the question begins with it. */
  private commandChanged(): void {
    const name = commandOf(this.input.value, this.commands.commands)?.name;
    if (name === this.command) return;
    this.command = name;
    if (name !== undefined) post({ type: "command", name });
  }

  private changed(): void {
    this.commandChanged();
    const isFilled = this.input.value.trim() !== "";
    const isTooLong = this.input.value.length > longestQuestion;
    this.attachments.warn(
      isTooLong
        ? l10n.t(
            "This text is too long to be sent or kept: it has {0} characters, and {1} can be sent. Attach a file instead.",
            integer(this.input.value.length),
            integer(longestQuestion),
          )
        : undefined,
    );
    const { editing } = this;
    this.editingLine.hidden = editing === undefined;
    this.editingWords.textContent = this.queue.some(({ id }) => id === editing?.id)
      ? l10n.t("Sending this changes the queued question.")
      : l10n.t("Sending this replaces the question and everything after it. What was there can be shown again.");
    this.root.classList.toggle("filled", isFilled);
    // The button that is pressed goes away: its focus must not get lost with it.
    const hadFocus = this.root.contains(document.activeElement);
    this.send.hidden = this.busy;
    this.enqueue.hidden = !this.busy || !isFilled;
    this.stop.hidden = !this.busy;
    if (hadFocus && document.activeElement !== this.input) this.input.focus();
  }
}
