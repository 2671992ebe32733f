/** How often what would be shown has a fault that a person sees at once, by other means than the filters' own. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { cursorAt } from "../../../extension/inline/cursor/cursor.js";
import { suggestionOf } from "../../../extension/inline/filters/suggestion.js";
import { requestFor } from "../../../extension/inline/prompt/request.js";
import { afterBlanks } from "../../../extension/inline/prompt/trailingBlanks.js";
import { Grammars } from "../../../extension/inline/syntax/grammars.js";
import { startSidecar } from "../../../protocol/client.js";
import { completeRequest, loadRequest } from "../../../protocol/messages.js";
import { root } from "../../../scripts/root.mjs";

const maximumTokens = 96;

const infill = z.object({
  /** VS Code's identifier. */
  language: z.string(),
  path: z.string(),
  before: z.string(),
  after: z.string(),
});
type Infill = z.infer<typeof infill>;

const kinds = ["doubled bracket", "repeated suffix", "wrong indentation", "wrong line end"] as const;
type Fault = (typeof kinds)[number];

interface FaultsResult {
  infills: number;
  shown: number;
  languages: number;
  faults: Record<Fault, number>;
  /** Of the text that the model wrote, before any filter. */
  unfiltered: Record<Fault, number>;
  /** What was faulty, for looking at. */
  examples: { fault: Fault; path: string; before: string; shown: string; after: string }[];
}

export async function benchFaults(
  file: string,
  model: string,
  ramCapBytes: number,
  isOver: () => boolean,
): Promise<FaultsResult> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line.trim() !== "");
  const infills = lines.map((line) => infill.parse(JSON.parse(line)));
  const grammars = new Grammars(path.join(root, "dist/grammars"), (line) => process.stderr.write(`${line}\n`));
  const sidecar = await startSidecar({ scriptPath: path.join(root, "dist/sidecar.js"), onLog: () => undefined });
  const none = () => Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Fault, number>;
  const result: FaultsResult = {
    ...{ infills: 0, shown: 0, languages: new Set(infills.map(({ language }) => language)).size },
    ...{ faults: none(), unfiltered: none(), examples: [] },
  };
  try {
    // What is written does not depend on it, and beside other programs threads wait for each other.
    const threads = 1;
    await sidecar.connection.sendRequest(loadRequest, { modelPath: model, engine: "flash", ramCapBytes, threads });
    for (const one of infills) {
      if (isOver()) break;
      result.infills++;
      const { before, after, language } = one;
      const cursor = cursorAt(before + after, before.length);
      if (!cursor) continue;
      const { prefix, suffix, lineBefore } = cursor;
      // As much as is ever shown: a line where more would tear it apart, else up to an empty line.
      const stop = [cursor.singleLine ? "\n" : "\n\n"];
      const request = { ...requestFor({ prefix, suffix, path: one.path, files: [] }, true), maximumTokens, stop };
      const answer = await sidecar.connection.sendRequest(completeRequest, request);
      const { finishReason } = answer;
      const text = afterBlanks(lineBefore)(answer.text);
      await grammars.ready(language);
      const errorsWith = grammars.errorsIn(language, before + after, before.length);
      const shown = suggestionOf({ text, ended: finishReason === "stop" }, cursor, errorsWith);
      for (const fault of faultsOf(text, one)) result.unfiltered[fault]++;
      if (shown === undefined) continue;
      result.shown++;
      for (const fault of faultsOf(shown, one)) {
        result.faults[fault]++;
        const near = { before: before.slice(-200), shown, after: after.slice(0, 100) };
        result.examples.push({ fault, path: one.path, ...near });
      }
    }
    return result;
  } finally {
    sidecar.dispose();
  }
}

/** By counting alone: what is in strings and comments is counted on both sides of the cursor. */
function faultsOf(shown: string, { before, after }: Infill): Fault[] {
  const found: Fault[] = [];
  const whole = before + after;
  for (const pair of ["()", "[]", "{}"]) {
    // Closes more than is open before the cursor and not closed after it. The text may begin in brackets and end in others.
    const lacks = Math.max(0, brackets(before, pair).open - brackets(after, pair).closed);
    const { open, closed } = brackets(shown, pair);
    if (closed - open > lacks) found.push("doubled bracket");
  }
  if (repeatsSuffix(shown, after)) found.push("repeated suffix");
  if (isIndentedWrongly(shown, before, whole)) found.push("wrong indentation");
  if (shown.includes("\n") && shown.includes("\r\n") !== whole.includes("\r\n")) found.push("wrong line end");
  return [...new Set(found)];
}

/** How many brackets of a text are left open, and how many are closed that were open before it. */
function brackets(text: string, pair: string): { open: number; closed: number } {
  let [open, closed] = [0, 0];
  for (const char of text) {
    if (char === pair[0]) open++;
    else if (char === pair[1] && open > 0) open--;
    else if (char === pair[1]) closed++;
  }
  return { open, closed };
}

function repeatsSuffix(shown: string, after: string): boolean {
  const [rest = "", ...others] = after.split(/\r?\n/);
  if (rest.trim() !== "" && shown.trimEnd().endsWith(rest.trim()) && /[;:,"'`]|\w/.test(rest)) return true;
  const next = others.find((line) => line.trim() !== "")?.trim() ?? "";
  const said = shown.split(/\r?\n/).filter((line) => line.trim() !== "");
  return /\w/.test(next) && said.some((line, i) => i > 0 && line.trim() === next);
}

function isIndentedWrongly(shown: string, before: string, whole: string): boolean {
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const lines = shown.split(/\r?\n/);
  // Twice, where the blanks are there already.
  if (line !== "" && line.trim() === "" && /^[ \t]{2,}/.test(shown)) return true;
  const blanks = (text: string) => /^[ \t]*/.exec(text)?.[0] ?? "";
  const fileLines = whole.split(/\r?\n/);
  const indented = fileLines.filter((each) => /^[ \t]/.test(each));
  const tabs = indented.filter((each) => each.startsWith("\t")).length > indented.length / 2;
  const written = lines.slice(1).filter((each) => each.trim() !== "");
  if (written.some((each) => (tabs ? blanks(each).startsWith("  ") : blanks(each).includes("\t")))) return true;
  // After a line that opens a block the next one is deeper, by as much as in the file.
  const all = [line + (lines[0] ?? ""), ...written];
  const step = commonStep(fileLines);
  return all.some((each, i) => {
    const next = all[i + 1];
    // What it continues began above, and is less deep perhaps.
    const continues = each.split(")").length > each.split("(").length;
    // Nested namespaces are often not indented.
    const indents = /[{:]\s*$/.test(each) && !/^\s*namespace\b/.test(each);
    if (next === undefined || continues || !indents || /^\s*[}\])]/.test(next)) return false;
    return blanks(next).length - blanks(each).length !== (tabs ? 1 : step);
  });
}

/** The most frequent step of one line to the next that is deeper, in characters. */
function commonStep(lines: readonly string[]): number {
  const counts = new Map<number, number>();
  let last = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    // Of a comment.
    if (line.trim() === "" || /^\s*\*/.test(line)) continue;
    const depth = line.length - line.trimStart().length;
    if (depth > last) counts.set(depth - last, (counts.get(depth - last) ?? 0) + 1);
    last = depth;
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 4;
}
