import { expect, test } from "vitest";
import type { Message } from "../../../webview/messages.js";
import { firstSeen, toPrompt, withAttachments } from "./prompt.js";
import { systemPrompt } from "./systemPrompt.js";

test("code that holds a fence is fenced by a longer one", () => {
  const attachment = { label: "a.md", name: "a.md", firstLine: 1, language: "markdown", text: "````\ncode\n````" };
  const fenced = "a.md:\n\n`````markdown\n````\ncode\n````\n`````";
  expect(withAttachments("Why?", [attachment])).toBe(`${fenced}\n\nWhy?`);
  expect(withAttachments("Why?", [attachment, attachment])).toBe(`${fenced}\n\n${fenced}\n\nWhy?`);
  expect(withAttachments("Why?", [])).toBe("Why?");
});

test("the path of a file is in the fence's info string, as answers should have it", () => {
  const attachment = {
    label: "a.ts 2",
    name: "a.ts",
    path: "src/a.ts",
    firstLine: 2,
    language: "typescript",
    text: "a",
  };
  expect(withAttachments("Why?", [attachment])).toBe("a.ts 2:\n\n```typescript src/a.ts\na\n```\n\nWhy?");
});

test("each prompt of a conversation begins with all of the one before", () => {
  const messages: Message[] = [
    { id: "1", role: "user", text: "One", attachments: [] },
    { id: "2", role: "assistant", text: "To one", state: "done" },
    { id: "3", role: "user", text: "Two", attachments: [] },
  ];
  const first = toPrompt(messages.slice(0, 1));
  expect(first[0]).toEqual({ role: "system", text: systemPrompt });
  expect(toPrompt(messages).slice(0, first.length)).toEqual(first);
});

test("the first message that is seen comes after the last that is left out of the prompt", () => {
  const question = (id: string): Message => ({ id, role: "user", text: id, attachments: [] });
  const answer = (id: string, text = id): Message => ({ id, role: "assistant", text, state: "done" });
  const messages = [
    question("1"),
    answer("2"),
    question("3"),
    answer("4", ""),
    question("5"),
    answer("6"),
    question("7"),
  ];
  expect(firstSeen(messages, [])).toBeUndefined();
  expect(firstSeen(messages, [1, 2])).toBe("5");
  // What is attached to the first question stays.
  expect(firstSeen(messages, [3, 4])).toBe("7");
});

test("a question without an answer is left out, unless that is under way", () => {
  const question: Message = { id: "1", role: "user", text: "One", attachments: [] };
  const answer = (state: "stopped" | "streaming"): Message => ({ id: "2", role: "assistant", text: "", state });
  const next: Message = { id: "3", role: "user", text: "Two", attachments: [] };
  const asked = (...messages: Message[]) =>
    toPrompt(messages)
      .slice(1)
      .map(({ text }) => text);
  expect(asked(question, answer("stopped"), next)).toEqual(["Two"]);
  expect(asked(question, answer("streaming"), next)).toEqual(["One", "", "Two"]);
});
