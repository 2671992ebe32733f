/** How often the next edit that would be shown is one that was really made, on replayed edits. */
import { readFile } from "node:fs/promises";
import * as z from "zod";
import { type NextEdit, nextEdit } from "../../../extension/inline/edits/predict.js";

const change = z.object({
  /** Number of the first line, from 0. */
  line: z.int().min(0),
  before: z.array(z.string()),
  after: z.array(z.string()),
});

/** Of scripts/inline-edits.mjs. */
const replayed = z.object({
  path: z.string(),
  /** Of the file after a line of it was changed. */
  text: z.string(),
  /** Number of that line, from 0, and what it was. */
  line: z.int().min(0),
  original: z.string(),
  /** What else was changed in the file. */
  edits: z.array(change),
});
type Replayed = z.infer<typeof replayed>;

interface EditsResult {
  cases: number;
  /** The line became what it became in truth. */
  right: number;
  /** It was changed, in another way. */
  rightPlace: number;
  /** It was not changed. */
  wrong: number;
  silent: number;
  /** What was not right, for looking at. */
  examples: { path: string; original: string; line: string; shown: NextEdit }[];
}

export async function benchEdits(file: string): Promise<EditsResult> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line.trim() !== "");
  const result: EditsResult = { cases: 0, right: 0, rightPlace: 0, wrong: 0, silent: 0, examples: [] };
  for (const one of lines.map((line) => replayed.parse(JSON.parse(line)))) {
    const text = one.text.split("\n");
    const shown = nextEdit(text, one.line, one.original);
    const verdict = shown ? verdictOf(shown, one) : "silent";
    result.cases++;
    result[verdict]++;
    if (!shown || verdict === "right") continue;
    result.examples.push({ path: one.path, original: one.original, line: text[one.line] ?? "", shown });
  }
  return result;
}

function verdictOf({ line, after }: NextEdit, { edits }: Replayed): "right" | "rightPlace" | "wrong" {
  const real = edits.find((each) => line >= each.line && line < each.line + each.before.length);
  if (!real) return "wrong";
  const same = real.before.length === real.after.length && real.after[line - real.line] === after;
  return same ? "right" : "rightPlace";
}
