/** How the work grows with a file: what grows with its square holds up the extension host. */
import { afterEach, expect, test, vi } from "vitest";
import { Proposal } from "../proposal.js";
import { type ApplyRequest, applyBlock } from "./apply.js";
import { Outline } from "./parts.js";

const counted = vi.hoisted(() => ({ comparisons: 0 }));
vi.mock("diff", async (importActual) => {
  const actual = await importActual<typeof import("diff")>();
  const comparator = (left: unknown, right: unknown) => {
    counted.comparisons += 1;
    return left === right;
  };
  return {
    ...actual,
    diffArrays: (before: unknown[], after: unknown[], options: { maxEditLength: number }) =>
      actual.diffArrays(before, after, { ...options, comparator }),
  };
});

afterEach(() => vi.restoreAllMocks());

type Make = (index: number) => string;
const joined = (count: number, make: Make) => Array.from({ length: count }, (_, index) => make(index)).join("\n");
const functionOf =
  (value: string): Make =>
  (index) =>
    `function f${index}(a) {\n  const x = a + ${index};\n  return x + ${value};\n}\n`;
const otherOf: Make = (index) => `function g${index}(b) {\n  return ${index} * b.length;\n}\n`;
const entryOf =
  (value: string): Make =>
  (index) =>
    `k${index}:\n  a: ${value}\n`;

/** What each is applied to, and what is applied, with `count` functions or keys. */
const requests: Record<string, (count: number) => ApplyRequest> = {
  "all functions of a file are changed": (count) => ({
    path: "a.js",
    original: joined(count, functionOf("1")),
    block: joined(count, functionOf("2")),
  }),
  "most functions of a file are changed": (count) => ({
    path: "a.js",
    original: joined(count, functionOf("1")),
    block: joined(count - 4, functionOf("2")),
  }),
  "all functions of a block are new": (count) => ({
    path: "a.js",
    original: joined(count, functionOf("1")),
    block: joined(count, otherOf),
  }),
  "all methods of a class are changed": (count) => ({
    path: "a.js",
    original: `class A {\n${joined(count, (index) => `  m${index}() {\n    return 1;\n  }\n`)}}\n`,
    block: `class A {\n${joined(count, (index) => `  m${index}() {\n    return 2;\n  }\n`)}}\n`,
  }),
  "all keys of a file are changed": (count) => ({
    path: "a.yaml",
    original: joined(count, entryOf("1")),
    block: joined(count, entryOf("2")),
  }),
};

/** Lines that are compared, and keys and first lines of parts that are asked for: what the time goes into. */
function work(request: ApplyRequest): number {
  counted.comparisons = 0;
  const spies = [vi.spyOn(Outline.prototype, "keyOf"), vi.spyOn(Outline.prototype, "headerLine")];
  const result = applyBlock(request);
  if ("refused" in result) throw new Error(result.refused);
  const hunks = new Proposal(request.original, result.text).hunks;
  expect(hunks.length).toBeGreaterThan(0);
  const calls = spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  vi.restoreAllMocks();
  return counted.comparisons + calls;
}

test.each(Object.entries(requests))("twice as many: at most three times the work, where %s", (_, request) => {
  // Beyond what is compared in full whatever it costs.
  const [some, more] = [work(request(800)), work(request(1600))];
  expect(more).toBeLessThan(3 * some);
});

test("what is between lines that both have is found where much is changed", () => {
  const count = 1000;
  const original = joined(count, (index) => `function f${index}() {\n  first();\n  return 1;\n}\n`);
  const block = joined(count, (index) => `function f${index}() {\n  first();\n  return ${index + 2};\n}\n`);
  const { hunks } = new Proposal(original, block);
  expect(hunks.slice(0, 2).map(({ baseLine, baseCount, text }) => ({ baseLine, baseCount, text }))).toEqual([
    { baseLine: 2, baseCount: 1, text: "  return 2;\n" },
    { baseLine: 7, baseCount: 1, text: "  return 3;\n" },
  ]);
});
