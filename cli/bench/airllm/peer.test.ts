import { expect, test } from "vitest";
import { parseRun } from "./peer.js";

const measured = { tokens: [3, 4], timeToFirstTokenMs: 6875.5, msPerToken: 6098.5, residentPeakBytes: 1768558592 };

test("what AirLLM prints itself is passed over", () => {
  const stdout = `built empty LlamaForCausalLM\n{"not": "this"}\n${JSON.stringify(measured)}\n`;
  expect(parseRun(stdout, [1, 2])).toEqual({ outcome: "done", promptTokens: [1, 2], ...measured });
});

test("bytes read are kept where the kernel counts them", () => {
  const stdout = JSON.stringify({ ...measured, readBytesPerToken: 4.5e9 });
  expect(parseRun(stdout, [])).toMatchObject({ readBytesPerToken: 4.5e9 });
});

test.each(["", "Killed", "{}", JSON.stringify({ ...measured, tokens: [3] }), "null"])("%j is no result", (stdout) => {
  expect(() => parseRun(stdout, [])).toThrow(/^AirLLM printed no result but .*$/);
});
