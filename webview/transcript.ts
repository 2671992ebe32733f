import { Answer } from "./answer.js";
import { element } from "./elements.js";
import type { Message, UserMessage } from "./messages.js";
import { question } from "./question.js";

/** Closer to the end than this, in pixels, the view follows what is appended. */
const followWithin = 40;

/** The conversation, oldest first. It stays at its end unless the person has scrolled away from there. */
export class Transcript {
  readonly root = element("section", "transcript");
  private readonly questions = new Map<string, HTMLElement>();
  private readonly answers = new Map<string, Answer>();
  private following = true;

  /** @param onEdit called when a person wants to change a question */
  constructor(private readonly onEdit: (id: string, text: string) => void) {
    this.root.role = "log";
    this.root.ariaLive = "polite";
    this.root.ariaLabel = "Conversation";
    this.root.tabIndex = 0;
    this.root.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.root;
      this.following = scrollHeight - scrollTop - clientHeight < followWithin;
    });
    // The panel is resized, an answer grows, the input takes more lines: all the same to whoever reads the end.
    new ResizeObserver(() => this.follow()).observe(this.root);
  }

  show(messages: readonly Message[]): void {
    const isNew = messages.some(({ id, role }) => role === "user" && !this.questions.has(id));
    const nodes = messages.map((message, index) =>
      message.role === "user"
        ? this.question(message)
        : this.answer(message.id, (answer) => answer.show(message, index === messages.length - 1)),
    );
    nodes.forEach((node, index) => {
      // Moving a node that is in its place already would take the focus from inside it.
      if (this.root.children[index] !== node) this.root.insertBefore(node, this.root.children[index] ?? null);
    });
    while (this.root.children.length > nodes.length) this.root.lastElementChild?.remove();
    forget(this.questions, messages);
    forget(this.answers, messages);
    if (isNew) this.following = true;
    this.follow();
  }

  append(id: string, text: string): void {
    this.answers.get(id)?.append(text);
  }

  private question(message: UserMessage): HTMLElement {
    const known = this.questions.get(message.id);
    if (known) return known;
    const made = question(message, () => this.onEdit(message.id, message.text));
    this.questions.set(message.id, made);
    return made;
  }

  private answer(id: string, show: (answer: Answer) => void): HTMLElement {
    const answer = this.answers.get(id) ?? new Answer(() => this.follow());
    this.answers.set(id, answer);
    show(answer);
    return answer.root;
  }

  private follow(): void {
    if (this.following) this.root.scrollTop = this.root.scrollHeight;
  }
}

function forget(map: Map<string, unknown>, messages: readonly Message[]): void {
  const ids = new Set(messages.map(({ id }) => id));
  for (const id of map.keys()) if (!ids.has(id)) map.delete(id);
}
