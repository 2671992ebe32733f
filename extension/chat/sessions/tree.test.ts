import fc from "fast-check";
import { expect, test } from "vitest";
import type { Message } from "../../../webview/messages.js";
import { MessageTree } from "./tree.js";

const question = (id: string): Message => ({ id, role: "user", text: id, attachments: [] });
const answer = (id: string): Message => ({ id, role: "assistant", text: id, state: "done" });
const ids = (tree: MessageTree) => tree.path.map(({ id }) => id).join(" ");
/** A conversation of questions q1, q2, … and answers a1, a2, … */
function conversation(turns: number): MessageTree {
  const tree = new MessageTree();
  for (let turn = 1; turn <= turns; turn++) {
    tree.append(question(`q${turn}`));
    tree.append(answer(`a${turn}`));
  }
  return tree;
}
const reopened = (tree: MessageTree) => new MessageTree(structuredClone(tree.stored));

test("another answer is shown in the place of the first, which can be had back", () => {
  const tree = conversation(2);
  tree.addVersion(answer("a2b"), "a2");
  expect(ids(tree)).toBe("q1 a1 q2 a2b");
  expect(tree.versions("a2b")).toEqual({ index: 1, ids: ["a2", "a2b"] });
  tree.choose("a2");
  expect(ids(tree)).toBe("q1 a1 q2 a2");
  expect(ids(reopened(tree))).toBe("q1 a1 q2 a2");
});

test("a changed question begins a branch, and each branch is as it was left", () => {
  const tree = conversation(3);
  tree.addVersion(question("q2b"), "q2");
  tree.append(answer("a2b"));
  expect(ids(tree)).toBe("q1 a1 q2b a2b");
  tree.choose("q2");
  expect(ids(tree)).toBe("q1 a1 q2 a2 q3 a3");
  tree.addVersion(answer("a3b"), "a3");
  tree.choose("q2b");
  tree.choose("q2");
  expect(ids(tree)).toBe("q1 a1 q2 a2 q3 a3b");
  expect(tree.versions("q2")).toEqual({ index: 0, ids: ["q2", "q2b"] });
});

test("the first question has versions too", () => {
  const tree = conversation(1);
  tree.addVersion(question("q1b"), "q1");
  expect(ids(tree)).toBe("q1b");
  expect(tree.versions("q1b")).toEqual({ index: 1, ids: ["q1", "q1b"] });
});

test("a question goes with its versions and all their answers; what follows stays, and all can be had back", () => {
  const tree = conversation(3);
  tree.addVersion(question("q2b"), "q2");
  tree.append(answer("a2b"));
  tree.choose("q2");
  tree.addVersion(answer("a2c"), "a2");
  tree.choose("a2");
  const before = structuredClone(tree.stored);
  const undo = tree.removeQuestion("q2");
  expect(ids(tree)).toBe("q1 a1 q3 a3");
  expect(tree.size).toBe(4);
  expect(ids(reopened(tree))).toBe("q1 a1 q3 a3");
  undo?.();
  expect(tree.stored).toEqual(before);
});

test("the only question and the last one can be removed", () => {
  const tree = conversation(2);
  tree.removeQuestion("q2");
  expect(ids(tree)).toBe("q1 a1");
  tree.removeQuestion("q1");
  expect(ids(tree)).toBe("");
  expect(tree.removeQuestion("q1")).toBeUndefined();
});

test("an answer without a word makes way for the next one", () => {
  const tree = conversation(1);
  tree.removeLast();
  tree.append(answer("a1b"));
  expect(ids(tree)).toBe("q1 a1b");
  expect(tree.versions("a1b").ids).toEqual(["a1b"]);
});

test("nothing of a damaged file is lost", () => {
  const tree = new MessageTree({
    nodes: [
      { message: answer("a"), parent: "nowhere" },
      { message: question("q"), parent: "q" },
      { message: question("q") },
    ],
    chosen: { "": "elsewhere", a: "a" },
  });
  expect(tree.size).toBe(2);
  expect(ids(tree)).toBe("q");
});

test("whatever is done, the path leads from the beginning to an end, and reads back the same", () => {
  type Step = { kind: "ask" | "again" | "edit" | "choose" | "delete"; at: number };
  const step = fc.record({
    kind: fc.constantFrom<Step["kind"]>("ask", "again", "edit", "choose", "delete"),
    at: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const tree = new MessageTree();
      let made = 0;
      for (const { kind, at } of steps) {
        const some = tree.path[at % Math.max(1, tree.path.length)];
        if (kind === "ask" || !some) {
          tree.append(question(`${made++}`));
          tree.append(answer(`${made++}`));
        } else if (kind === "again") {
          const last = tree.path.at(-1);
          if (last?.role === "assistant") tree.addVersion(answer(`${made++}`), last.id);
        } else if (kind === "edit" && some.role === "user") {
          tree.addVersion(question(`${made++}`), some.id);
          tree.append(answer(`${made++}`));
        } else if (kind === "choose") {
          const { ids } = tree.versions(some.id);
          const other = ids[at % ids.length];
          if (other !== undefined) tree.choose(other);
          expect(tree.path.some(({ id }) => id === other)).toBe(true);
        } else if (kind === "delete") {
          const before = structuredClone(tree.stored);
          const undo = tree.removeQuestion(some.id);
          const after = ids(tree);
          undo?.();
          expect(tree.stored).toEqual(before);
          if (undo) tree.removeQuestion(some.id);
          expect(ids(tree)).toBe(after);
        }
        expect(tree.path.map(({ role }) => role)).toEqual(
          tree.path.map((_, index) => (index % 2 === 0 ? "user" : "assistant")),
        );
        expect(ids(reopened(tree))).toBe(ids(tree));
        expect(reopened(tree).size).toBe(tree.size);
      }
    }),
  );
});
