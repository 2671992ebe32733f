import { expect, test } from "vitest";
import type { AssistantMessage, Message } from "../../../webview/messages.js";
import { type Conversation, newConversation } from "./conversation.js";
import { merge } from "./merge.js";
import { MessageTree } from "./tree.js";

const question = (id: string): Message => ({ id, role: "user", text: id, attachments: [] });
const answer = (id: string, text = id): AssistantMessage => ({ id, role: "assistant", text, state: "done" });
const turns = (count: number) =>
  Array.from({ length: count }, (_, index) => [question(`q${index + 1}`), answer(`a${index + 1}`)]).flat();
const start = (count: number) => newConversation("c", 1, turns(count));
/** A copy that another window has changed. */
function changed(from: Conversation, change: (tree: MessageTree) => void): Conversation {
  const tree = new MessageTree(structuredClone(from.tree));
  change(tree);
  return { ...from, tree: tree.stored };
}
const say = (from: Conversation, ...messages: Message[]) =>
  changed(from, (tree) => {
    for (const message of messages) tree.append(message);
  });
const texts = ({ tree }: Conversation) => tree.nodes.map(({ message }) => message.text).sort();
const shown = ({ tree }: Conversation) => new MessageTree(tree).path.map(({ text }) => text).join(" ");

test("what is said in one window only is as it is there", () => {
  const base = start(1);
  const other = say(base, question("q2"), answer("a2"));
  expect(merge(structuredClone(base), other, base)).toMatchObject({
    conversation: other,
    hasOwn: false,
    hasTheirs: true,
  });
  expect(merge(other, structuredClone(base), base)).toMatchObject({
    conversation: other,
    hasOwn: true,
    hasTheirs: false,
  });
});

test("what is said in both is there as versions", () => {
  const base = start(1);
  const { conversation, hasOwn, hasTheirs } = merge(
    say(base, question("mine"), answer("my answer")),
    say(base, question("theirs"), answer("their answer")),
    base,
  );
  expect({ hasOwn, hasTheirs }).toEqual({ hasOwn: true, hasTheirs: true });
  expect(shown(conversation)).toBe("q1 a1 mine my answer");
  const tree = new MessageTree(conversation.tree);
  expect(tree.versions("mine").ids).toEqual(["theirs", "mine"]);
  tree.choose("theirs");
  expect(tree.path.at(-1)?.text).toBe("their answer");
});

test("an answer that grows stays its own object, whatever another window has read of it", () => {
  const growing = answer("a2", "Be");
  const base = say(start(1), question("q2"), structuredClone(growing));
  const ours = say(start(1), question("q2"));
  const tree = new MessageTree(ours.tree);
  growing.state = "streaming";
  growing.text = "Becau";
  tree.append(growing);
  // It was stored as stopped by a window where nobody answers.
  const theirs = changed(base, (other) => {
    const last = other.path.at(-1);
    if (last?.role === "assistant") last.state = "stopped";
  });
  const { conversation } = merge({ ...ours, tree: tree.stored }, theirs, base, "a2");
  expect(conversation.tree.nodes.at(-1)?.message).toBe(growing);
  expect(texts(conversation)).toEqual(["Becau", "a1", "q1", "q2"]);
});

test("an answer that both continue becomes two", () => {
  const base = say(start(1), question("q2"), answer("a2", "Half"));
  const go = (text: string) =>
    changed(base, (tree) => {
      const last = tree.path.at(-1);
      if (last) last.text = text;
    });
  const ours = say(go("Half of it"), question("mine"));
  const growing = ours.tree.nodes.find(({ message }) => message.id === "a2")?.message;
  const { conversation } = merge(ours, go("Half and half"), base, "a2");
  expect(texts(conversation)).toEqual(["Half and half", "Half of it", "a1", "mine", "q1", "q2"]);
  expect(growing?.id).not.toBe("a2");
  expect(shown(conversation)).toBe("q1 a1 q2 Half of it mine");
  // The other window reads it then, and nothing is doubled.
  const next = merge(go("Half and half!"), conversation, go("Half and half"), "a2").conversation;
  expect(texts(next)).toEqual(["Half and half!", "Half of it", "a1", "mine", "q1", "q2"]);
});

test("what one side deletes is gone, unless the other one went on from there", () => {
  const base = start(3);
  const without = (id: string) => changed(base, (tree) => void tree.removeQuestion(id));
  expect(shown(merge(structuredClone(base), without("q2"), base).conversation)).toBe("q1 a1 q3 a3");
  expect(shown(merge(without("q2"), structuredClone(base), base).conversation)).toBe("q1 a1 q3 a3");
  expect(shown(merge(say(base, question("q4")), without("q2"), base).conversation)).toBe("q1 a1 q3 a3 q4");
  const both = merge(without("q3"), say(base, question("q4"), answer("a4")), base).conversation;
  expect(texts(both)).toEqual(["a1", "a2", "a3", "a4", "q1", "q2", "q3", "q4"]);
});

test("a title that one side gives is the title, and ours where both give one", () => {
  const base = start(1);
  const named = (title: string) => ({ ...base, title });
  expect(merge(base, named("Theirs"), base).conversation.title).toBe("Theirs");
  expect(merge(named("Ours"), base, base).conversation.title).toBe("Ours");
  expect(merge(named("Ours"), named("Theirs"), base).conversation.title).toBe("Ours");
});

test("a question that waits and was asked elsewhere waits no more; each text of one that both change is kept", () => {
  const wait = (...texts: [string, string][]): Conversation => ({
    ...start(1),
    queue: texts.map(([id, text]) => ({ id, text, attachments: [] })),
  });
  const waiting = (ours: Conversation, theirs: Conversation, base: Conversation) =>
    merge(ours, theirs, base).conversation.queue.map(({ text }) => text);
  const base = wait(["1", "One"], ["2", "Two"]);
  expect(waiting(wait(["1", "One"], ["2", "Two"], ["3", "Mine"]), wait(["2", "Two"], ["4", "Theirs"]), base)).toEqual([
    "Two",
    "Mine",
    "Theirs",
  ]);
  expect(waiting(wait(["1", "Uno"], ["2", "Two"]), wait(["1", "Eins"]), base)).toEqual(["Uno", "Eins"]);
  expect(waiting(wait(["2", "Two"]), wait(["1", "Eins"], ["2", "Two"]), base)).toEqual(["Two", "Eins"]);
});
