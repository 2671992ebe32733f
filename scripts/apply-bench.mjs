// npm run bench:apply -- --cases FILE.jsonl [--json]: applies blocks of code to files as the chat's "Apply to file" does.
// Each line of FILE is {"path", "original", "block"}, perhaps with "expected": the right text, or null where it is to be
// refused. With --json a line is printed for each: {"result": text} or {"refused": reason}; without, how many are right.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { importBundled } from "./bundled-bench.mjs";
import { runMain } from "./steps.mjs";

await runMain(async () => {
  const { values } = parseArgs({ options: { cases: { type: "string" }, json: { type: "boolean", default: false } } });
  if (!values.cases) throw new Error("Name a file: npm run bench:apply -- --cases FILE.jsonl");
  /** @type {typeof import("../extension/chat/edits/apply/apply.js")} */
  const { applyBlock } = await importBundled("extension/chat/edits/apply/apply.ts");
  let right = 0;
  let wrong = 0;
  let judged = 0;
  for (const [index, line] of (await readFile(values.cases, "utf8")).split("\n").entries()) {
    if (line.trim() === "") continue;
    const { path: file, original, block, symbols, expected } = caseOf(line, `${values.cases}:${index + 1}`);
    const applied = applyBlock({ path: file, original, block, ...(symbols ? { symbols } : {}) });
    const outcome = "text" in applied ? { result: applied.text } : applied;
    if (values.json) console.log(JSON.stringify(outcome));
    if (expected === undefined) continue;
    judged += 1;
    if ("result" in outcome ? outcome.result === expected : expected === null) right += 1;
    else if ("result" in outcome) wrong += 1;
  }
  if (!values.json)
    console.log(`${right} of ${judged} right, ${wrong} wrong, ${judged - right - wrong} refused without need`);
});

/**
 * @param {string} line
 * @param {string} place of it, for a person
 * @returns {import("../extension/chat/edits/apply/apply.js").ApplyRequest & { expected?: string | null }}
 */
function caseOf(line, place) {
  let each;
  try {
    each = JSON.parse(line);
  } catch (error) {
    throw new Error(`${place} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  for (const name of ["path", "original", "block"])
    if (typeof each?.[name] !== "string") throw new Error(`${place} has no text "${name}".`);
  return each;
}
