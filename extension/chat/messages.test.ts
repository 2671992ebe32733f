import { expect, test } from "vitest";
import { parseConversation, parseMessage } from "./messages.js";

test.each([
  { type: "ready" },
  { type: "stop" },
  { type: "ask", text: "Why?", attach: false },
  { type: "ask", text: "Why?", attach: true, replaces: "1" },
  { type: "delete", id: "1" },
  { type: "insert", text: "let a;" },
  { type: "copy", text: "" },
  { type: "act", action: { kind: "chooseModel" } },
  { type: "act", action: { kind: "raiseCap", bytes: 3e9 } },
  { type: "act", action: { kind: "openSetting", setting: "flint.ramCap" } },
])("takes %j", (message) => {
  expect(parseMessage(message)).toEqual(message);
});

test.each([
  undefined,
  null,
  "ask",
  { type: "eval", text: "1" },
  { type: "ask" },
  { type: "ask", text: "Why?" },
  { type: "ask", text: " \n", attach: false },
  { type: "ask", text: 5, attach: false },
  { type: "ask", text: "Why?", attach: "main.ts" },
  { type: "act", action: { kind: "raiseCap", bytes: -1 } },
  { type: "act", action: { kind: "raiseCap", bytes: 0.5 } },
  { type: "act", action: { kind: "openSetting", setting: "security.workspace.trust.enabled" } },
  { type: "act", action: { kind: "format" } },
])("refuses %j", (message) => {
  expect(parseMessage(message)).toBeUndefined();
});

test("drops what a message should not have", () => {
  expect(parseMessage({ type: "stop", more: 1 })).toEqual({ type: "stop" });
});

test("reads a stored conversation back, and refuses one of another make", () => {
  const messages = [
    { id: "1", role: "user", text: "Why?", attachment: { label: "a.ts", language: "typescript", text: "a" } },
    {
      id: "2",
      role: "assistant",
      text: "Beca",
      state: "error",
      problem: { message: "It stopped.", actions: [{ label: "Ask again", action: { kind: "askAgain" } }] },
    },
  ];
  expect(parseConversation(structuredClone(messages))).toEqual(messages);
  expect(parseConversation([{ id: "1", role: "tool", text: "" }])).toBeUndefined();
  expect(parseConversation(undefined)).toBeUndefined();
});
