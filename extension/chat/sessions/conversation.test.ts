import { expect, test } from "vitest";
import type { Message } from "../../../webview/messages.js";
import {
  type Conversation,
  longestSummary,
  longestTitle,
  newConversation,
  parseConversation,
  parseSummary,
  serialize,
  titleOf,
} from "./conversation.js";

const messages: Message[] = [
  { id: "1", role: "user", text: "Why?\n\nWhy  not?", attachments: [] },
  { id: "2", role: "assistant", text: "Because\n", state: "done", detail: "5.0 tokens/s" },
];
const conversation: Conversation = {
  ...newConversation("a", 5, messages),
  queue: [{ id: "3", text: "And?", attachments: [] }],
};

test("a conversation is read as it was written", () => {
  expect(parseConversation("a", serialize(conversation))).toEqual(conversation);
  const named = { ...conversation, title: "Reasons" };
  expect(parseConversation("a", serialize(named))).toEqual(named);
});

test("the first line tells what a list needs, and is short", () => {
  const long = "\u0001".repeat(1000);
  const [question] = messages;
  if (question === undefined) throw new Error("There is no question.");
  for (const text of ["Why?", long]) {
    const file = serialize(newConversation("a", 5, [{ ...question, text } as Message]));
    const beginning = Buffer.from(file).subarray(0, longestSummary).toString();
    expect(parseSummary("a", beginning)).toEqual({
      ...{ id: "a", title: titleOf(text), renamed: false, createdAt: 5, updatedAt: 5 },
    });
  }
});

test("it is JSON as a whole", () => {
  expect(JSON.parse(serialize(conversation))).toMatchObject({ summary: { title: "Why? Why not?" } });
});

test.each(["", "{", "[]", '{"summary":{}}', serialize(conversation).replace('"version":1', '"version":2')])(
  "refuses %j",
  (text) => {
    expect(() => parseConversation("a", text)).toThrow();
    expect(() => parseSummary("a", text)).toThrow();
  },
);

test("a title is the first words, on one line", () => {
  expect(titleOf(" Why\n\nnot? ")).toBe("Why not?");
  const long = titleOf("word ".repeat(100));
  expect(long).toMatch(/^word .* word…$/);
  expect(long.length).toBeLessThanOrEqual(longestTitle);
  expect(titleOf("x".repeat(500))).toHaveLength(longestTitle);
  expect(titleOf("😀".repeat(500))).not.toMatch(/[\uD800-\uDBFF]…/);
});
