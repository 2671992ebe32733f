import { expect, test } from "vitest";
import { Proposal } from "./proposal.js";

const base = "one\r\ntwo\r\nthree\r\nfour\r\nfive";
const proposed = "ONE\r\ntwo\r\nthree\r\nnew\r\nfour";
const make = () => new Proposal(base, proposed);

test("hunks tell what goes and what comes", () => {
  expect(
    make().hunks.map(({ baseLine, baseCount, line, count, text }) => ({ baseLine, baseCount, line, count, text })),
  ).toEqual([
    { baseLine: 0, baseCount: 1, line: 0, count: 1, text: "ONE\r\n" },
    { baseLine: 3, baseCount: 2, line: 3, count: 2, text: "new\r\nfour" },
  ]);
});

test("accepting one after the other makes the file what was proposed", () => {
  const proposal = make();
  for (let hunk = proposal.hunks[1]; hunk; hunk = proposal.hunks[0]) proposal.accept(hunk);
  expect(proposal.base).toBe(proposed);
});

test("rejecting one after the other leaves the file as it is", () => {
  const proposal = make();
  for (let [hunk] = proposal.hunks; hunk; [hunk] = proposal.hunks) proposal.reject(hunk);
  expect(proposal).toMatchObject({ base, proposed: base });
});

test("one is accepted, the other rejected", () => {
  const proposal = make();
  const [first, second] = proposal.hunks;
  if (!first || !second) throw new Error("There are two.");
  proposal.reject(second);
  proposal.accept(first);
  expect(proposal.base).toBe("ONE\r\ntwo\r\nthree\r\nfour\r\nfive");
  expect(proposal.hunks).toEqual([]);
});

test.each([
  [0, "base", 0],
  [1, "base", 3],
  [4, "base", 3],
  [9, "base", 3],
  [3, "proposed", 3],
] as const)("line %i of the %s is in the hunk at %i, or before it", (line, side, expected) => {
  expect(make().hunkAt(line, side)?.baseLine).toBe(expected);
});

test("a file that has changed elsewhere gets the same changes", () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}\n`);
  const text = lines.join("");
  const proposal = new Proposal(text, text.replace("line 15\n", "fifteen\n"));
  expect(proposal.rebase(`first\n${text.replace("line 2\n", "two\n")}`)).toBe(true);
  expect(proposal.proposed).toBe(`first\n${text.replace("line 2\n", "two\n").replace("line 15\n", "fifteen\n")}`);
});

test("a file that has changed in the same lines does not", () => {
  const proposal = make();
  expect(proposal.rebase("something else\r\n")).toBe(false);
  expect(proposal).toMatchObject({ base, proposed });
});

test("a file whose line ends have changed gets the same changes with them", () => {
  const proposal = make();
  expect(proposal.rebase(base.replaceAll("\r\n", "\n"))).toBe(true);
  expect(proposal.proposed).toBe(proposed.replaceAll("\r\n", "\n"));
});

test("a line that is new beside a change is no other change's context", () => {
  const text = "a\nb\nc\nd\ne\nf\ng\nh\n";
  expect(new Proposal(text, text.replace("d\n", "D\n")).rebase(text.replace("e\n", "e\nnew\n"))).toBe(false);
  const proposal = new Proposal(text, text.replace("b\n", "B\n"));
  expect(proposal.rebase(text.replace("f\n", "f\nnew\n"))).toBe(true);
  expect(proposal.proposed).toBe("a\nB\nc\nd\ne\nf\nnew\ng\nh\n");
});
