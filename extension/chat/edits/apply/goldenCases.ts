/** The cases of the folder `cases`: files in which each case has an original, a block, and what is to come of them. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { ApplyRequest } from "./apply.js";

export interface ApplyCase extends ApplyRequest {
  name: string;
  /** undefined where it has to be refused. */
  result: string | undefined;
}

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "cases");

export function readCases(): ApplyCase[] {
  return readdirSync(folder).flatMap((name) => parse(readFileSync(path.join(folder, name), "utf8"), name));
}

/** `######## name | path | crlf bom unended`, then the original; `######## block`; `######## result` or `######## refused`. */
function parse(text: string, file: string): ApplyCase[] {
  const pieces = text.split(/^#{8} (.*)\n/m).slice(1);
  const cases: ApplyCase[] = [];
  for (let index = 0; index < pieces.length; index += 6) {
    const [head = "", original = "", blockHead, block = "", endHead, end = ""] = pieces.slice(index, index + 6);
    const [name = "", filePath = "", flags = ""] = head.split("|").map((part) => part.trim());
    if (blockHead?.trim() !== "block" || !/^(?:result|refused)$/.test(endHead?.trim() ?? ""))
      throw new Error(`${file}: the case “${name}” has another form.`);
    const result = endHead?.trim() === "result" ? encoded(end, flags) : undefined;
    cases.push({ name, path: filePath, original: encoded(original, flags), block: encoded(block, ""), result });
  }
  return cases;
}

function encoded(text: string, flags: string): string {
  let result = text.replaceAll("→", "\t").replaceAll("·\n", " \n");
  if (flags.includes("unended")) result = result.replace(/\n$/, "");
  if (flags.includes("crlf")) result = result.replaceAll("\n", "\r\n");
  return flags.includes("bom") ? `\uFEFF${result}` : result;
}
