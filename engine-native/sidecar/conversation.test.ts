import { expect, test } from "vitest";
import { chatHistory, withAnswer } from "./conversation.js";

test("calls stand beside their results, whatever their order", () => {
  const call = (id: string) => ({ id, name: `tool_${id}`, arguments: `{"id":"${id}"}` });
  const history = chatHistory([
    { role: "system", text: "S" },
    { role: "user", text: "U" },
    { role: "assistant", text: "I look.", toolCalls: [call("a"), call("b")] },
    { role: "tool", toolCallId: "b", text: "result of b" },
    { role: "tool", toolCallId: "a", text: "result of a" },
    { role: "assistant", text: "Done." },
    { role: "user", text: "Thanks" },
  ]);
  expect(history).toEqual([
    { type: "system", text: "S" },
    { type: "user", text: "U" },
    {
      type: "model",
      response: [
        "I look.",
        { type: "functionCall", name: "tool_a", params: { id: "a" }, result: "result of a", startsNewChunk: true },
        { type: "functionCall", name: "tool_b", params: { id: "b" }, result: "result of b" },
        "Done.",
      ],
    },
    { type: "user", text: "Thanks" },
  ]);
});

test("a result of no call is refused", () => {
  expect(() => chatHistory([{ role: "tool", toolCallId: "x", text: "" }])).toThrow('tool call "x"');
});

test("an answer goes on in the last one", () => {
  const asked = chatHistory([{ role: "user", text: "U" }]);
  expect(withAnswer(asked, "So far").at(-1)).toEqual({ type: "model", response: ["So far"] });
  const answered = [...asked, { type: "model" as const, response: ["One."] }];
  expect(withAnswer(answered, "Two.").at(-1)).toEqual({ type: "model", response: ["One.", "Two."] });
});
