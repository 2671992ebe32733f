import * as l10n from "@vscode/l10n";
import { Answer } from "./answer.js";
import { element } from "./elements.js";
import type { AssistantMessage, ContextMeter, ShownMessage, Thought, UserMessage } from "./messages.js";
import { question } from "./question.js";
import { Speech } from "./speech.js";
import { focusWanted } from "./versions.js";

/** Closer to the end than this, in pixels, the view follows what is appended. */
const followWithin = 40;
/** So many messages at the end are laid out even where nobody sees them yet; those before are drawn when they come near. */
const nearMessages = 20;

interface Entry {
  node: HTMLElement;
  message: ShownMessage;
  /** It is plain text, until somebody comes near. */
  isPlain: boolean;
  /** What is shown of a question. */
  key?: string;
  answer?: Answer;
}

/** The conversation, oldest first. It stays at its end unless the person has scrolled away from there. */
export class Transcript {
  readonly root = element("section", "transcript");
  private readonly list = element("div", "messages");
  private readonly entries = new Map<string, Entry>();
  private readonly drawWhenNear: IntersectionObserver;
  /** Messages that are plain text, by their nodes. */
  private readonly plain = new WeakMap<Element, Entry>();
  /** Goes beside the conversation: what is told of it to those who don't see it. */
  readonly speech = new Speech();
  /** Above the first message that the model sees. */
  private readonly cut = element("p", "cut");
  private messages: readonly ShownMessage[] = [];
  private meter: ContextMeter | undefined;
  private sessionId = "";
  private following = true;

  /** @param onEdit called when a person wants to change a question */
  constructor(private readonly onEdit: (id: string, text: string) => void) {
    this.root.role = "log";
    // What changes is told in sentences: see Speech.
    this.root.ariaLive = "off";
    this.root.ariaLabel = l10n.t("Conversation");
    this.root.tabIndex = 0;
    this.root.append(this.list);
    this.root.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.root;
      this.following = scrollHeight - scrollTop - clientHeight < followWithin;
    });
    // The panel is resized, an answer grows, the input takes more lines: all the same to whoever reads the end.
    const resized = new ResizeObserver(() => this.follow());
    resized.observe(this.root);
    resized.observe(this.list);
    const onNear = (seen: IntersectionObserverEntry[]) => {
      for (const { isIntersecting, target } of seen) if (isIntersecting) this.drawNear(target);
    };
    this.drawWhenNear = new IntersectionObserver(onNear, { root: this.root, rootMargin: "200% 0px" });
  }

  show(sessionId: string, messages: readonly ShownMessage[]): void {
    const lastQuestion = messages.findLast(({ role }) => role === "user");
    // Who looks at an earlier version goes on looking there.
    const isAsked = lastQuestion && !this.entries.has(lastQuestion.id) && messages.at(-1)?.role === "assistant";
    const isStreaming = isAsked && stateOf(messages.at(-1)) === "streaming";
    if (isStreaming || sessionId !== this.sessionId) this.following = true;
    this.sessionId = sessionId;
    const ids = new Set(messages.map(({ id }) => id));
    for (const [id, { node }] of this.entries) if (!ids.has(id)) this.forget(id, node);
    let place = this.list.firstChild;
    messages.forEach((message, index) => {
      const isNear = index >= messages.length - nearMessages;
      const isLast = index === messages.length - 1;
      const isInPlace = place !== null && this.entries.get(message.id)?.node === place;
      const node = message.role === "user" ? this.question(message, isNear) : this.answer(message, isNear, isLast);
      node.classList.toggle("far", !isNear);
      // Moving a node that is in its place already would take the focus from inside it.
      if (!isInPlace) this.list.insertBefore(node, place);
      else place = node.nextSibling;
    });
    this.messages = messages;
    this.showCut();
    focusWanted((id) => this.entries.get(id)?.node);
    this.follow();
  }

  /** @param meter of the question that is being written; undefined while no model is there to tell */
  showMeter(meter: ContextMeter | undefined): void {
    this.meter = meter;
    this.showCut();
  }

  /** Says where the part of the conversation ends that the model does not see any more. */
  private showCut(): void {
    const last = this.messages.findLast((message) => message.role === "assistant" && message.state !== "streaming");
    const lastSeen = last?.role === "assistant" ? last.seenFrom : undefined;
    const id = this.meter ? this.meter.seenFrom : lastSeen;
    const place = this.messages.findIndex((message) => message.id === id);
    const node = this.entries.get(id ?? "")?.node;
    if (place < 1 || !node) {
      this.cut.remove();
      return;
    }
    const above = this.messages.slice(0, place);
    const keeps = above.some((message) => message.role === "user" && message.attachments.length > 0);
    this.cut.textContent = keeps
      ? l10n.t("The context is full: of the messages above, the model sees only those with attachments.")
      : l10n.t("The context is full: the model does not see the messages above.");
    if (this.cut.parentElement !== node) node.prepend(this.cut);
  }

  append(id: string, text: string): void {
    this.entries.get(id)?.answer?.append(text);
  }

  think(id: string, more: Thought): void {
    this.entries.get(id)?.answer?.think(more);
  }

  private question(message: UserMessage & ShownMessage, isNear: boolean): HTMLElement {
    const entry = this.entryOf(message);
    // What is attached changes when its tokens are counted.
    const key = JSON.stringify([message.attachments, message.versions]);
    if (entry.isPlain && !isNear) return entry.node;
    if (entry.key === key) return entry.node;
    entry.key = key;
    return this.replace(
      entry,
      question(message, () => this.onEdit(message.id, message.text)),
    );
  }

  private answer(message: AssistantMessage & ShownMessage, isNear: boolean, isLast: boolean): HTMLElement {
    const entry = this.entryOf(message);
    if (entry.isPlain && !isNear) return entry.node;
    const isNew = entry.answer === undefined;
    entry.answer ??= new Answer(() => this.follow(), this.speech);
    entry.answer.show(message, isLast);
    return isNew ? this.replace(entry, entry.answer.root) : entry.node;
  }

  /** What is known of a message; of a new one, plain text. */
  private entryOf(message: ShownMessage): Entry {
    const known = this.entries.get(message.id);
    if (known) {
      known.message = message;
      return known;
    }
    const entry: Entry = { node: plainMessage(message), isPlain: true, message };
    this.entries.set(message.id, entry);
    this.plain.set(entry.node, entry);
    this.drawWhenNear.observe(entry.node);
    return entry;
  }

  private replace(entry: Entry, node: HTMLElement): HTMLElement {
    this.drawWhenNear.unobserve(entry.node);
    node.classList.toggle("far", entry.node.classList.contains("far"));
    if (this.cut.parentElement === entry.node) node.prepend(this.cut);
    entry.node.replaceWith(node);
    entry.node = node;
    entry.isPlain = false;
    return node;
  }

  private drawNear(target: Element): void {
    const entry = this.plain.get(target);
    if (!entry?.isPlain) return;
    if (entry.message.role === "user") this.question(entry.message, true);
    else this.answer(entry.message, true, false);
  }

  private forget(id: string, node: HTMLElement): void {
    this.drawWhenNear.unobserve(node);
    node.remove();
    this.entries.delete(id);
  }

  private follow(): void {
    if (this.following) this.root.scrollTop = this.root.scrollHeight;
  }
}

const stateOf = (message: ShownMessage | undefined) => (message?.role === "assistant" ? message.state : undefined);

/** A message far from what is seen: its text as it is, without buttons. */
function plainMessage(message: ShownMessage): HTMLElement {
  const { role, text } = message;
  const node = element("article", `message ${role}`, element("div", "body plain", text));
  node.dataset["role"] = role;
  node.ariaLabel = role === "user" ? l10n.t("You") : "Flint";
  if (message.role === "assistant") node.dataset["state"] = message.state;
  return node;
}
