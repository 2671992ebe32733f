/** From what a model says to the lines that take the place of the selected ones. */

/**
 * @param answer what the model has said so far; may end anywhere
 * @param original the selected lines
 * @returns undefined while there is no code yet
 */
export function replacementOf(answer: string, original: string): string | undefined {
  const code = codeOf(answer);
  if (code === undefined || code.trim() === "") return undefined;
  return indentedAs(withoutBlankEnds(code), original) + endOf(original);
}

/** The content of the first fenced block; without any, all of it. */
function codeOf(answer: string): string | undefined {
  const opening = /^[ \t]*(`{3,}|~{3,})[^\n]*(\n|$)/m.exec(answer);
  // What comes before a fence may be words about it.
  if (!opening) return /^\s*(`|~|$)/.test(answer) ? undefined : answer;
  const content = answer.slice(opening.index + opening[0].length);
  const closing = new RegExp(`^[ \\t]*${opening[1]}[\`~]*[ \\t]*$`, "m").exec(content);
  // A fence that is not complete yet is no code.
  return closing ? content.slice(0, closing.index) : content.replace(/(^|\n)[ \t]*[`~]{1,2}$/, "$1");
}

const withoutBlankEnds = (code: string) => code.replace(/^(?:[ \t]*\n)+/, "").trimEnd();
const endOf = (original: string) => (original.endsWith("\n") ? "\n" : "");

/** Models like to begin at the margin: then all lines get the indentation that the selection has. */
function indentedAs(code: string, original: string): string {
  const wanted = indentationOf(original);
  const found = indentationOf(code);
  if (found === wanted || !wanted.startsWith(found)) return code;
  const more = wanted.slice(found.length);
  return code
    .split("\n")
    .map((line) => (line.trim() === "" ? line : more + line))
    .join("\n");
}

/** What all lines that are not blank begin with. */
function indentationOf(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  let common = /^[ \t]*/.exec(lines[0] ?? "")?.[0] ?? "";
  for (const line of lines) while (!line.startsWith(common)) common = common.slice(0, -1);
  return common;
}
