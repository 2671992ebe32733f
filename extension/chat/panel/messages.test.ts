import { expect, test } from "vitest";
import { parseMessage } from "./messages.js";

test.each([
  { type: "ready" },
  { type: "stop", sessionId: "a" },
  { type: "answerNow", sessionId: "a" },
  { type: "setThinking", thinking: false },
  { type: "ask", sessionId: "a", text: "Why?" },
  { type: "ask", sessionId: "a", text: "Why?", replaces: "1" },
  { type: "pickContext" },
  { type: "attachFiles", uris: ["file:///a.ts"] },
  { type: "detach", id: "1" },
  { type: "command", name: "fix" },
  { type: "delete", sessionId: "a", id: "1" },
  { type: "undoDelete", sessionId: "a" },
  { type: "showVersion", sessionId: "a", id: "1" },
  { type: "continue", sessionId: "a" },
  { type: "changeQueued", sessionId: "a", id: "1", text: "Why?" },
  { type: "removeQueued", sessionId: "a", id: "1" },
  { type: "sendQueued", sessionId: "a", id: "1" },
  { type: "draft", sessionId: "a", draft: { text: "" } },
  { type: "draft", sessionId: "a", draft: { text: "Wh", editing: { id: "1", text: "And" } } },
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
  { type: "ask", sessionId: "a", text: " \n" },
  { type: "ask", sessionId: "a", text: 5 },
  { type: "attachFiles", uris: "main.ts" },
  { type: "attachFiles", uris: [{ path: "/etc/passwd" }] },
  { type: "detach" },
  { type: "stop" },
  { type: "setThinking", thinking: "no" },
  { type: "changeQueued", sessionId: "a", id: "1", text: " " },
  { type: "draft", sessionId: "a", draft: "Wh" },
  { type: "act", action: { kind: "raiseCap", bytes: -1 } },
  { type: "act", action: { kind: "raiseCap", bytes: 0.5 } },
  { type: "act", action: { kind: "openSetting", setting: "security.workspace.trust.enabled" } },
  { type: "act", action: { kind: "format" } },
])("refuses %j", (message) => {
  expect(parseMessage(message)).toBeUndefined();
});

test("drops what a message should not have", () => {
  expect(parseMessage({ type: "stop", sessionId: "a", more: 1 })).toEqual({ type: "stop", sessionId: "a" });
});
