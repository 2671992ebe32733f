import type { Message } from "../../../webview/messages.js";

/** A message, and the one that it comes after. */
export interface MessageNode {
  readonly message: Message;
  /** Id of the message before it; absent: it begins the conversation. */
  readonly parent?: string | undefined;
}

/** A tree as it is stored. */
export interface StoredTree {
  /** Each after its parent; versions of the same message in the order in which they were made. */
  readonly nodes: readonly MessageNode[];
  /** Of a message that has several after it, by its id ("" for the beginning): the id of the one on show. */
  readonly chosen: Readonly<Record<string, string>>;
}

/** Which of several versions a message is. */
export interface Versions {
  /** From 0. */
  index: number;
  /** Their ids, oldest first. */
  ids: readonly string[];
}

/** The key of the beginning in {@link StoredTree.chosen}. */
const beginning = "";

/**
 * The messages of a conversation. Asking again makes another version of an answer, editing another version of a question:
 * each with what came after it. One path through them is on show.
 */
export class MessageTree {
  private nodes = new Map<string, MessageNode>();
  private chosen: Map<string, string>;
  /** Made when it is needed: ids by the message that they come after. */
  private cached: { after: Map<string, string[]>; path: Message[] } | undefined;

  /** @param end id of the message that is the last on show, until {@link showAll} */
  constructor(
    { nodes, chosen }: StoredTree = { nodes: [], chosen: {} },
    private end?: string,
  ) {
    for (const { message, parent } of nodes) {
      if (this.nodes.has(message.id)) continue;
      // Nothing of a file is lost: what comes after nothing that is known begins the conversation.
      const known = parent !== undefined && this.nodes.has(parent);
      this.nodes.set(message.id, known ? { message, parent } : { message });
    }
    this.chosen = new Map(Object.entries(chosen));
  }

  /** The messages on show, oldest first. */
  get path(): readonly Message[] {
    return this.shape.path;
  }

  /** Shows also what comes after the message that was to be the last. */
  showAll(): void {
    this.end = undefined;
    this.cached = undefined;
  }

  get stored(): StoredTree {
    return { nodes: [...this.nodes.values()], chosen: Object.fromEntries(this.chosen) };
  }

  /** All versions of all messages, in the order in which they were made. */
  get size(): number {
    return this.nodes.size;
  }

  has(id: string): boolean {
    return this.nodes.has(id);
  }

  /** Of a message that is there. */
  versions(id: string): Versions {
    const role = this.nodes.get(id)?.message.role;
    const all = this.shape.after.get(this.parentOf(id)) ?? [];
    const ids = all.filter((other) => this.nodes.get(other)?.message.role === role);
    return { index: ids.indexOf(id), ids };
  }

  /** Puts a message at the end of the path. */
  append(message: Message): void {
    this.add(message, this.path.at(-1)?.id);
  }

  /** Puts a message in the place of another one, which stays as an earlier version. */
  addVersion(message: Message, of: string): void {
    this.add(message, this.nodes.get(of)?.parent);
  }

  /** Lets the path go through a message, and on as it last did from there. */
  choose(id: string): void {
    for (let at: string | undefined = id; at !== undefined; at = this.nodes.get(at)?.parent) {
      this.chosen.set(this.parentOf(at), at);
    }
    this.cached = undefined;
  }

  /**
   * Removes a question of the path with all its versions and their answers. What follows on the path moves up.
   * @returns puts all back; to be called before anything else changes. Undefined where there is no such question.
   */
  removeQuestion(id: string): (() => void) | undefined {
    const index = this.path.findIndex((message) => message.id === id && message.role === "user");
    if (index === -1) return undefined;
    const before = { nodes: this.nodes, chosen: this.chosen };
    const parent = this.nodes.get(id)?.parent;
    const next = this.path.find(({ role }, other) => other > index && role === "user");
    const following = new Set(next ? this.versions(next.id).ids : []);
    const gone = new Set(this.versions(id).ids);
    const nodes = new Map<string, MessageNode>();
    for (const [key, node] of this.nodes) {
      if (following.has(key)) nodes.set(key, parent === undefined ? { message: node.message } : { ...node, parent });
      else if (gone.has(key) || (node.parent !== undefined && gone.has(node.parent))) gone.add(key);
      else nodes.set(key, node);
    }
    this.nodes = nodes;
    this.chosen = new Map([...this.chosen].filter(([from, to]) => !gone.has(from) && !gone.has(to)));
    if (next) this.chosen.set(parent ?? beginning, next.id);
    this.cached = undefined;
    return () => {
      Object.assign(this, before);
      this.cached = undefined;
    };
  }

  /** Removes the last message of the path: an answer that has nothing to keep. */
  removeLast(): void {
    const last = this.path.at(-1);
    if (!last) return;
    const parent = this.parentOf(last.id);
    if (this.chosen.get(parent) === last.id) this.chosen.delete(parent);
    this.nodes.delete(last.id);
    this.cached = undefined;
  }

  private add(message: Message, parent: string | undefined): void {
    this.nodes.set(message.id, parent === undefined ? { message } : { message, parent });
    this.chosen.set(parent ?? beginning, message.id);
    this.cached = undefined;
  }

  private parentOf(id: string): string {
    return this.nodes.get(id)?.parent ?? beginning;
  }

  private get shape(): NonNullable<typeof this.cached> {
    if (this.cached) return this.cached;
    const after = new Map<string, string[]>();
    for (const [id, { parent = beginning }] of this.nodes) {
      const ids = after.get(parent);
      if (ids) ids.push(id);
      else after.set(parent, [id]);
    }
    const path: Message[] = [];
    for (let ids = after.get(beginning); ids; ) {
      const chosen = this.chosen.get(path.at(-1)?.id ?? beginning);
      const id = chosen !== undefined && ids.includes(chosen) ? chosen : ids.at(-1);
      const node = id === undefined ? undefined : this.nodes.get(id);
      if (!node) break;
      path.push(node.message);
      if (node.message.id === this.end) break;
      ids = after.get(node.message.id);
    }
    this.cached = { after, path };
    return this.cached;
  }
}
