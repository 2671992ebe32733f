import { expect, test } from "vitest";
import type { GenerationResult } from "../../protocol/messages.js";
import { ApiError } from "../errors.js";
import { ResponseAnswer, type ResponseEvent } from "./answer.js";
import { responsesBody } from "./requests.js";
import { ResponseTools } from "./tools.js";

function answering(request: object) {
  const body = responsesBody.parse({ input: "a", ...request });
  const tools = new ResponseTools(body.tools ?? [], body.tool_choice);
  const events: ResponseEvent[] = [];
  const answer = new ResponseAnswer(body, "tiny", tools, (event) => events.push(event));
  return { answer, tools, events, types: () => events.map(({ type }) => type.replace("response.", "")) };
}

const result = (fields: Partial<GenerationResult> = {}) =>
  ({ finishReason: "stop", promptTokens: [1, 2], tokens: [3], cachedPromptTokens: 1, ...fields }) as GenerationResult;

test("a tool that takes a text is called with it, not with an object", () => {
  const { answer, tools, events, types } = answering({ tools: [{ type: "custom", name: "apply_patch" }] });
  expect(tools.params.tools).toMatchObject([{ name: "apply_patch", parameters: { required: ["input"] } }]);
  const call = { id: "call_1", name: "apply_patch", arguments: '{"input":"*** Begin Patch"}' };
  answer.tell({ kind: "toolCall", call });
  expect(answer.end(result({ toolCalls: [call] }))).toMatchObject({
    status: "completed",
    output: [{ type: "custom_tool_call", call_id: "call_1", name: "apply_patch", input: "*** Begin Patch" }],
  });
  expect(types()).toEqual([
    "created",
    "in_progress",
    "output_item.added",
    "custom_tool_call_input.delta",
    "custom_tool_call_input.done",
    "output_item.done",
    "completed",
  ]);
  expect(events[2]).toMatchObject({ item: { input: "", status: "in_progress" } });
});

test("a thought, a text and calls are items one after the other", () => {
  const { answer, events } = answering({ tools: [{ type: "function", name: "f" }] });
  const place = { tokens: 1, durationMs: 1, tokensPerSecond: 1 };
  const call = (id: string) => ({ id, name: "f", arguments: "{}" });
  answer.tell({ kind: "prompt", readTokens: 0, totalTokens: 2 });
  answer.tell({ kind: "prompt", readTokens: 1, totalTokens: 2 });
  answer.tell({ kind: "thought", text: "Hm", ...place });
  answer.tell({ kind: "text", text: "Well", tokens: [], tokensPerSecond: 1 });
  answer.tell({ kind: "toolCall", call: call("1") });
  answer.tell({ kind: "toolCall", call: call("2") });
  const thought = { text: "Hm", tokens: 1, durationMs: 1 };
  expect(answer.end(result({ thought, toolCalls: [call("1"), call("2")] }))).toMatchObject({
    output: [
      { type: "reasoning", content: [{ text: "Hm" }], status: "completed" },
      { type: "message", content: [{ text: "Well" }], status: "completed" },
      { type: "function_call", call_id: "1" },
      { type: "function_call", call_id: "2" },
    ],
    usage: {
      input_tokens: 2,
      input_tokens_details: { cached_tokens: 1 },
      output_tokens_details: { reasoning_tokens: 1 },
      total_tokens: 3,
    },
  });
  const added = events.filter(({ type }) => type === "response.output_item.added");
  expect(added.map(({ output_index }) => output_index)).toEqual([0, 1, 2, 3]);
  // Not again for each piece of the prompt.
  expect(events.filter(({ type }) => type === "response.in_progress")).toHaveLength(1);
});

test("an answer without a word is an empty message", () => {
  const { answer } = answering({});
  expect(answer.end(result())).toMatchObject({ output: [{ type: "message", content: [{ text: "" }] }] });
});

test("what fails after the first event is told by one, with what there was", () => {
  const { answer, events } = answering({});
  answer.tell({ kind: "text", text: "Well", tokens: [], tokensPerSecond: 1 });
  answer.fail(new ApiError(503, "server_error", "The engine has ended.", "engine_stopped"));
  expect(events.at(-1)).toMatchObject({
    type: "response.failed",
    response: { status: "failed", error: { code: "engine_stopped", message: "The engine has ended." } },
  });
});

test("only allowed tools are offered, and two groups may have a tool of the same name", () => {
  const inner = (name: string) => ({ type: "namespace", name, tools: [{ type: "function", name: "open" }] });
  const tools = [inner("door"), inner("window"), { type: "function", name: "wait" }, { type: "web_search" }];
  const { tools: all } = answering({ tools });
  expect(all.params.tools?.map(({ name }) => name)).toEqual(["door__open", "window__open", "wait"]);
  expect(all.called({ name: "window__open", arguments: "{}" })).toMatchObject({ namespace: "window", name: "open" });
  const allowed = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "wait" }] };
  expect(answering({ tools, tool_choice: allowed }).tools.params).toEqual({
    tools: [{ name: "wait" }],
    toolChoice: "required",
  });
});
