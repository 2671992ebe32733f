import { expect, test } from "vitest";
import { singleConversationSchema } from "./stored.js";

const parseMessages = (stored: unknown) => singleConversationSchema.safeParse(stored).data;

const attachment = { label: "a.ts 2", name: "a.ts", firstLine: 2, language: "typescript", text: "a", tokens: 1 };
const answer = {
  id: "2",
  role: "assistant",
  text: "Beca",
  state: "error",
  problem: { message: "It stopped.", actions: [{ label: "Ask again", action: { kind: "askAgain" } }] },
};

test("reads a stored conversation back, and refuses one of another make", () => {
  const messages = [{ id: "1", role: "user", text: "Why?", attachments: [attachment] }, answer];
  expect(parseMessages(structuredClone({ id: "first", messages }))).toEqual(messages);
  expect(parseMessages({ id: "first", messages: [{ id: "1", role: "tool", text: "" }] })).toBeUndefined();
  expect(parseMessages([{ id: "1", role: "tool", text: "" }])).toBeUndefined();
  expect(parseMessages(undefined)).toBeUndefined();
});

test("reads a conversation of before sessions had ids and questions several attachments", () => {
  const { label, language, text } = attachment;
  const stored = [
    { id: "1", role: "user", text: "Why?", attachment: { label, language, text } },
    answer,
    { id: "3", role: "user", text: "And?" },
  ];
  expect(parseMessages(stored)).toEqual([
    { id: "1", role: "user", text: "Why?", attachments: [{ label, name: label, firstLine: 1, language, text }] },
    answer,
    { id: "3", role: "user", text: "And?", attachments: [] },
  ]);
});
