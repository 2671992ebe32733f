import { ChatMLChatWrapper, MistralChatWrapper, QwenChatWrapper } from "node-llama-cpp";
import { expect, test } from "vitest";
import { endUnlessCalled, nextCallStart } from "./afterCall.js";

const words = { text: (token: string) => token, isEnd: (token: string) => token.startsWith("END"), end: "END" };

async function said(...tokens: string[]) {
  const steps = async function* (): AsyncGenerator<string, void, undefined | string | string[]> {
    yield* tokens;
  };
  const told: string[] = [];
  for await (const token of endUnlessCalled(steps(), '<tool_call>\n{"name": "', words)) told.push(token);
  return told;
}

test("a newline before the end is no other call", async () => {
  expect(await said("\n", "END2")).toEqual(["END2"]);
  expect(await said("END")).toEqual(["END"]);
});

test("nor is a word", async () => {
  expect(await said("\n", "Done", ".")).toEqual(["END"]);
  expect(await said("function")).toEqual(["END"]);
});

test("another call is one, in whatever pieces it comes", async () => {
  expect(await said("\n", "<tool_call>", "\n", "{")).toEqual(["\n", "<tool_call>", "\n", "{"]);
  expect(await said("\n<", "tool_call>")).toEqual(["\n<", "tool_call>"]);
  expect(await said('<tool_call>\n{"name": "f')).toEqual(['<tool_call>\n{"name": "f']);
});

test("blanks without end are not waited for", async () => {
  expect(await said(..." ".repeat(9))).toEqual([..." ".repeat(9)]);
});

test("a consumer that leaves ends what is under it", async () => {
  let ended = false;
  const steps = async function* (): AsyncGenerator<string, void, undefined | string | string[]> {
    try {
      yield "\n";
      yield "<";
      yield "more";
    } finally {
      ended = true;
    }
  };
  for await (const token of endUnlessCalled(steps(), "<", words)) {
    expect(token).toBe("\n");
    break;
  }
  expect(ended).toBe(true);
});

test("the beginning of a call is the template's own", () => {
  expect(nextCallStart(new QwenChatWrapper())).toBe('<tool_call>\n{"name": "');
  expect(nextCallStart(new MistralChatWrapper())).toMatch(/^\S/);
  expect(nextCallStart(new ChatMLChatWrapper())).toMatch(/^\S/);
});
