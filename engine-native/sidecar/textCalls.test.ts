import { expect, test } from "vitest";
import { TextCallDetector } from "./textCalls.js";

/** All of an answer that comes in pieces of so many characters: what is told, and the tool that is called. */
function read(answer: string, size: number) {
  const detector = new TextCallDetector(["read_file", "edit.apply"]);
  let told = "";
  for (let at = 0; at < answer.length; at += size) {
    const { text, name } = detector.push(answer.slice(at, at + size));
    told += text;
    if (name !== undefined) return { told, name };
  }
  return { told: told + detector.end() };
}

const calls: [string, string][] = [
  ['{"name": "read_file", "arguments": {"path": "a"}}', "read_file"],
  ['```json\n{\n  "name": "edit.apply",\n  "arguments": {}\n}\n```', "edit.apply"],
  ['<tool_call>\n{"name": "read_file"', "read_file"],
  ['<tools>[{"name":"read_file"', "read_file"],
  ["<tool_call>\n<function=read_file>\n<parameter=path>", "read_file"],
  ['{"type": "function", "function": {"name": "read_file"', "read_file"],
];

test.each(calls)("%j is a call", (answer, name) => {
  for (const size of [1, 3, 1000]) {
    expect(read(answer, size)).toEqual({ told: "", name });
    expect(read(`I look.\n${answer}`, size)).toEqual({ told: "I look.\n", name });
  }
});

const texts = [
  "Hello.\nNothing is called here.",
  '```json\n{"name": "other_tool"}\n```\n',
  '{"name": "read_file_again", "x": 1}',
  'Say {"name": "read_file"} in a line.',
  "```ts\nconst a = 1;\n```",
  "<tool_call>",
  "",
];

test.each(texts)("%j is text, all of it", (answer) => {
  for (const size of [1, 3, 1000]) expect(read(answer, size)).toEqual({ told: answer });
});

test("text that can be no call is told at once", () => {
  const detector = new TextCallDetector(["read_file"]);
  expect(detector.push("I")).toEqual({ text: "I" });
  expect(detector.push(" see\n{")).toEqual({ text: " see\n" });
  expect(detector.push('"nam')).toEqual({ text: "" });
  expect(detector.push('ing": 1')).toEqual({ text: '{"naming": 1' });
});
