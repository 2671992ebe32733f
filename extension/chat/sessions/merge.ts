/**
 * Two windows may go on with the same conversation. Its messages are a tree, so that both keep all that was said: what
 * one window asks stands beside what the other one asks, as versions do.
 */
import { randomUUID } from "node:crypto";
import type { Message } from "../../../webview/messages.js";
import type { Conversation, QueuedQuestion } from "./conversation.js";
import type { MessageNode, StoredTree } from "./tree.js";

export interface Merged {
  conversation: Conversation;
  /** Something was said in ours that is not in theirs. */
  hasOwn: boolean;
  /** Something was said in theirs that was not in ours. */
  hasTheirs: boolean;
}

type Nodes = ReadonlyMap<string, MessageNode>;

/**
 * Puts two versions of a conversation together. What one side has deleted goes, unless the other one has said more in it.
 * An answer that both have continued becomes two: ours gets another id, in its own object, which is kept.
 * @param base what both began with
 * @param underWay id of the answer of ours that still grows
 */
export function merge(ours: Conversation, theirs: Conversation, base: Conversation, underWay?: string): Merged {
  const before = byId(base.tree);
  const other = byId(theirs.tree);
  const hasTheirs = theirs.tree.nodes.some((node) => isNews(node, before.get(node.message.id)));
  let hasOwn = ours.tree.nodes.some((node) => isNews(node, before.get(node.message.id)));
  const picked = new Map<string, MessageNode>();
  const split = new Map<string, string>();
  for (const node of ours.tree.nodes) {
    const { message } = node;
    const theirNode = other.get(message.id);
    if (!theirNode) continue;
    const old = before.get(message.id);
    const pick = pickMessage(message, theirNode.message, old?.message, message.id === underWay);
    if (!pick) split.set(message.id, randomUUID());
    const parent = node.parent === old?.parent || !pick ? theirNode.parent : node.parent;
    picked.set(message.id, withParent(pick ?? theirNode.message, parent));
  }
  const tree = split.size > 0 ? rename(ours.tree, split, other) : ours.tree;
  if (split.size > 0) hasOwn = true;
  const mine = byId(tree);
  const kept = new Map<string, MessageNode>();
  for (const [id, node] of new Map([...other, ...mine])) {
    const both = picked.get(id);
    const isGone = !both && !isNews(node, before.get(id)) && id !== underWay;
    if (!isGone) kept.set(id, both ?? node);
  }
  keepAncestors(kept, mine, other);
  const { id, title, createdAt, updatedAt } = ours;
  return {
    conversation: {
      id,
      title: title === base.title ? theirs.title : title,
      createdAt: Math.min(createdAt, theirs.createdAt),
      updatedAt: Math.max(updatedAt, theirs.updatedAt),
      tree: { nodes: parentsFirst(kept), chosen: mergeChosen(tree.chosen, theirs.tree.chosen, base.tree.chosen) },
      queue: mergeQueues(ours.queue, theirs.queue, base.queue),
    },
    hasOwn,
    hasTheirs,
  };
}

const byId = ({ nodes }: StoredTree): Nodes => new Map(nodes.map((node) => [node.message.id, node]));

const withParent = (message: Message, parent: string | undefined): MessageNode =>
  parent === undefined ? { message } : { message, parent };

/** Whether something was said that was not said before. */
const isNews = ({ message }: MessageNode, before: MessageNode | undefined): boolean =>
  !before || !saysTheSame(message, before.message);

/** What a thought and the text of an answer, or a question, say: two texts that only grow. */
function said(message: Message): readonly [string, string] {
  if (message.role === "assistant") return [message.thought?.text ?? "", message.text];
  return [JSON.stringify(message.attachments.map(({ label, text }) => [label, text])), message.text];
}
function saysTheSame(a: Message, b: Message): boolean {
  const [first, second] = said(a);
  const [otherFirst, otherSecond] = said(b);
  return first === otherFirst && second === otherSecond;
}
function continues(longer: Message, shorter: Message): boolean {
  if (longer.role === "user" || shorter.role === "user") return longer.text === shorter.text;
  const [thought, text] = said(longer);
  const [shorterThought, shorterText] = said(shorter);
  return thought.startsWith(shorterThought) && text.startsWith(shorterText);
}
/** Also in how it ended. */
function isSame(a: Message, b: Message): boolean {
  if (!saysTheSame(a, b)) return false;
  if (a.role === "user" || b.role === "user") return true;
  return a.state === b.state && a.detail === b.detail && a.problem?.message === b.problem?.message;
}

/** @returns which of two versions of a message has all that was said; undefined: neither has */
function pickMessage(ours: Message, theirs: Message, base: Message | undefined, grows: boolean): Message | undefined {
  if (!grows && base && isSame(ours, base)) return theirs;
  if ((base && saysTheSame(theirs, base)) || continues(ours, theirs)) return ours;
  if (grows) return undefined;
  return (base && saysTheSame(ours, base)) || continues(theirs, ours) ? theirs : undefined;
}

/** Gives messages other ids. What comes after them goes along where only we have it. */
function rename({ nodes, chosen }: StoredTree, ids: ReadonlyMap<string, string>, theirs: Nodes): StoredTree {
  const isOurs = (id: string) => ids.has(id) || !theirs.has(id);
  const renamed = nodes.map(({ message, parent }) => {
    const next = parent !== undefined && isOurs(message.id) ? (ids.get(parent) ?? parent) : parent;
    return { message, next };
  });
  const choices = Object.entries(chosen).map(([from, to]): [string, string] =>
    isOurs(to) ? [ids.get(from) ?? from, ids.get(to) ?? to] : [from, to],
  );
  for (const { message } of renamed) message.id = ids.get(message.id) ?? message.id;
  return { nodes: renamed.map(({ message, next }) => withParent(message, next)), chosen: Object.fromEntries(choices) };
}

/** Keeps what was deleted on one side and gone on with on the other. */
function keepAncestors(kept: Map<string, MessageNode>, ours: Nodes, theirs: Nodes): void {
  for (const node of [...kept.values()]) {
    for (let { parent } = node; parent !== undefined && !kept.has(parent); ) {
      const found = ours.get(parent) ?? theirs.get(parent);
      if (!found) break;
      kept.set(parent, found);
      parent = found.parent;
    }
  }
}

function parentsFirst(nodes: Nodes): MessageNode[] {
  const placed = new Map<string, MessageNode>();
  const place = (id: string) => {
    const waiting: MessageNode[] = [];
    const seen = new Set<string>();
    for (let node = nodes.get(id); node && !placed.has(node.message.id) && !seen.has(node.message.id); ) {
      waiting.push(node);
      seen.add(node.message.id);
      node = node.parent === undefined ? undefined : nodes.get(node.parent);
    }
    for (const node of waiting.reverse()) placed.set(node.message.id, node);
  };
  for (const id of nodes.keys()) place(id);
  return [...placed.values()];
}

type Chosen = StoredTree["chosen"];

function mergeChosen(ours: Chosen, theirs: Chosen, base: Chosen): Chosen {
  const merged: Record<string, string> = {};
  for (const from of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const to = ours[from] === base[from] ? theirs[from] : ours[from];
    if (to !== undefined) merged[from] = to;
  }
  return merged;
}

function mergeQueues(
  ours: readonly QueuedQuestion[],
  theirs: readonly QueuedQuestion[],
  base: readonly QueuedQuestion[],
): QueuedQuestion[] {
  const before = new Map(base.map(({ id, text }) => [id, text]));
  const other = new Map(theirs.map((question) => [question.id, question]));
  const merged: QueuedQuestion[] = [];
  for (const question of ours) {
    const { id, text } = question;
    const their = other.get(id);
    other.delete(id);
    if (!their) {
      if (text !== before.get(id)) merged.push(question);
    } else if (text === before.get(id)) {
      merged.push(their);
    } else {
      merged.push(question);
      if (their.text !== text && their.text !== before.get(id)) merged.push({ ...their, id: randomUUID() });
    }
  }
  return [...merged, ...[...other.values()].filter(({ id, text }) => text !== before.get(id))];
}
