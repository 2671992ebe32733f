import { expect, test } from "vitest";
import type { ToolCall } from "../../protocol/messages.js";
import { Calls } from "./answerForm.js";
import { toolUse } from "./tools.js";

/** An answer that calls tools, as node-llama-cpp tells of it. */
function answering() {
  const parameters = { type: "object", properties: { path: { type: "string" } }, additionalProperties: true };
  const use = toolUse({ tools: [{ name: "read", parameters }, { name: "list" }] });
  if (!use) throw new Error("no tool may be called");
  const kept: ToolCall[] = [];
  const told: ToolCall[] = [];
  const calls = new Calls(use, kept, (progress) => progress.kind === "toolCall" && told.push(progress.call));
  const call = (functionName: string, params: unknown) => calls.options.onFunctionCall({ functionName, params });
  return { kept, told, calls, call };
}
const said = (calls: readonly ToolCall[]) => calls.map(({ name, arguments: args }) => [name, JSON.parse(args)]);

test("calls of other tools or with other arguments are all told", () => {
  const { kept, told, calls, call } = answering();
  call("read", { path: "a" });
  call("read", { path: "b" });
  call("list", undefined);
  expect(said(told)).toEqual([
    ["read", { path: "a" }],
    ["read", { path: "b" }],
    ["list", {}],
  ]);
  expect(kept).toEqual(told);
  expect(calls.signal.aborted).toBe(false);
});

test("an answer ends without a call that it has already, also with its arguments in another order", () => {
  const { kept, told, calls, call } = answering();
  call("read", { path: "a", from: { line: 1, column: 2 } });
  call("list", undefined);
  call("read", { from: { column: 2, line: 1 }, path: "a" });
  expect(said(kept).map(([name]) => name)).toEqual(["read", "list"]);
  expect(kept).toEqual(told);
  expect(calls.signal.aborted).toBe(true);
});

test("an answer ends with its sixteenth call", () => {
  const { kept, told, calls, call } = answering();
  for (let line = 1; line <= 15; line++) call("read", { path: `${line}` });
  expect(calls.signal.aborted).toBe(false);
  call("read", { path: "16" });
  expect(calls.signal.aborted).toBe(true);
  // One that was under way already.
  call("read", { path: "17" });
  expect(said(kept).at(-1)).toEqual(["read", { path: "16" }]);
  expect(kept).toHaveLength(16);
  expect(kept).toEqual(told);
});
