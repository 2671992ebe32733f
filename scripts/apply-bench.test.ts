import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";

const script = path.join(import.meta.dirname, "apply-bench.mjs");
const folder = mkdtempSync(path.join(tmpdir(), "flint-apply-"));
afterAll(() => rmSync(folder, { recursive: true }));

const original = "def f():\n    return 1\n\n\ndef g():\n    return 2\n";
const result = original.replace("return 2", "return 3");
const right = { path: "a.py", original, block: "def g():\n    return 3\n", expected: result };
const refused = { path: "a.py", original, block: original, expected: null };
const wrong = { ...right, expected: original };

function run(lines: readonly string[], ...args: string[]) {
  const cases = path.join(folder, "cases.jsonl");
  writeFileSync(cases, lines.join("\n"));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--cases", cases, ...args], {
    encoding: "utf8",
  });
  return { status, stderr, lines: stdout.trimEnd().split("\n") };
}

test("with --json each case has a line, in order", () => {
  const { status, lines } = run([right, refused].map((each) => JSON.stringify(each)).concat(""), "--json");
  expect(status).toBe(0);
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
    { result },
    { refused: "The file already has this code." },
  ]);
});

test("what a language server tells is taken from the case", () => {
  const own = { path: "a.py", original: "f = made(\n    1,\n)\n", block: "def f():\n    return 1\n" };
  const symbols = [{ name: "f", start: 0, end: 2, nameLine: 0 }];
  const { lines } = run(
    [own, { ...own, symbols }].map((each) => JSON.stringify(each)),
    "--json",
  );
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
    { refused: expect.any(String) },
    { result: "def f():\n    return 1\n" },
  ]);
});

test("without it, what is right is counted", () => {
  const { lines } = run([right, refused, wrong].map((each) => JSON.stringify(each)));
  expect(lines).toEqual(["2 of 3 right, 1 wrong, 0 refused without need"]);
});

test.each([
  ["no JSON", "{", /cases\.jsonl:2 is not JSON: /],
  ["no case", JSON.stringify({ path: "a.py", original }), /cases\.jsonl:2 has no text "block"\./],
  ["nothing", "null", /cases\.jsonl:2 has no text "path"\./],
])("a line that is %s is named, in one line", (_, line, message) => {
  const { status, stderr } = run([JSON.stringify(right), line], "--json");
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(status).not.toBe(0);
});
