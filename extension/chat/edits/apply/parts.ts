import { type Elision, elidedBody, elisionOf } from "./elision.js";
import { type IndentUnit, indentOf, isBlank, normalised, unitOf, width } from "./indentation.js";
import { isPython, type Language } from "./language.js";
import { assignedTo, type Declaration, declarationOf, isImport, labelOf, methodOf } from "./names.js";
import { oncePer } from "./oncePer.js";
import { type Scan, scan } from "./scan.js";

/** Lines that belong together: a statement with all that is inside it, a function, a comment. */
export interface Part {
  /** Index of its first line, which may be a comment or a decorator that belongs to it. */
  start: number;
  /** Index of the line that says what it is. */
  header: number;
  /** Index behind its last line. */
  end: number;
  kind: "declaration" | "import" | "statement" | "comment" | "elision";
  declaration?: Declaration | undefined;
  elision?: Elision | undefined;
  /** Blank lines before it. */
  blanks: number;
}

const unitIn = oncePer(unitOf);

/** Text of which the parts can be asked for, level by level. */
export class Outline {
  private readonly scanned: Scan;
  private readonly byBrackets: boolean;
  private readonly childrenOf = new Map<Part, readonly Part[]>();
  readonly roots: readonly Part[];

  /** @param known whether the file has a line: then it does not stand for others */
  constructor(
    readonly lines: readonly string[],
    readonly language: Language,
    private readonly known: (line: string) => boolean,
  ) {
    this.scanned = scan(lines, language);
    this.byBrackets = this.scanned.balance === 0;
    this.roots = this.parse(0, lines.length, true);
  }

  /** 0 when each bracket has its other; NaN when a text or a comment does not end. */
  get balance(): number {
    return this.scanned.balance;
  }

  /** What one level of its indentation is. */
  get unit(): IndentUnit | undefined {
    return unitIn(this.lines);
  }

  /** Whether a line begins inside a text or a comment: its blanks belong to that. */
  isInside(index: number): boolean {
    return (this.scanned.inside[index] ?? false) && !this.scanned.comment[index];
  }

  children(part: Part): readonly Part[] {
    let known = this.childrenOf.get(part);
    if (!known) {
      known = this.parse(this.headEnd(part), part.end, this.holdsMethods(part));
      this.childrenOf.set(part, known);
    }
    return known;
  }

  /** A class, or an object with functions in it. */
  private holdsMethods(part: Part): boolean {
    if (part.declaration?.holds === "members") return true;
    return part.declaration?.holds === "value" && /=\s*\{\s*$/.test(this.headerLine(part));
  }

  /** Index behind the line that opens the body: behind parameters and an opening bracket that have lines of their own. */
  headEnd({ header, end, declaration }: Part): number {
    const base = this.scanned.depth[header] ?? 0;
    if (this.language.kind === "styles") return this.selectorEnd(header, end);
    const opens = (this.scanned.depth[header + 1] ?? 0) > base;
    for (let index = header + 1; index < Math.min(end, header + 20); index++) {
      // A bracket in a docstring opens nothing.
      if (this.scanned.inside[index]) continue;
      const line = this.lines[index] ?? "";
      const depth = this.scanned.depth[index] ?? 0;
      if (depth === base && /^\s*\{\s*(?:\/[/*][^}]*)?$/.test(line)) return index + 1;
      const closes = opens && depth - (this.scanned.closers[index] ?? 0) === base;
      if (closes && /^\s*\).*[{:]\s*$/.test(line)) return index + 1;
    }
    if (opens || this.language.family !== "brackets" || declaration === undefined || declaration.holds === "value")
      return header + 1;
    // What a class extends may have lines of its own too.
    for (let index = header + 1; index < Math.min(end, header + 8); index++)
      if ((this.scanned.depth[index] ?? 0) > base) return index;
    return header + 1;
  }

  /** Behind the line that opens a rule: its selectors may have a line each. */
  private selectorEnd(header: number, end: number): number {
    let index = header;
    while (index < end - 1 && !/\{/.test(this.lines[index] ?? "") && /,\s*$/.test(this.lines[index] ?? "")) index += 1;
    return index + 1;
  }

  /** The part's own first line. */
  headerLine(part: Part): string {
    return this.lines[part.header] ?? "";
  }

  /** All lines up to the one that opens its body, as one. */
  headText(part: Part): string {
    return normalised(this.lines.slice(part.header, this.headEnd(part)).join(" "));
  }

  /** As a person calls it: by its name, or by its first line. */
  nameOf(part: Part): string {
    return part.declaration?.name ?? `“${this.headerLine(part).trim().slice(0, 60)}”`;
  }

  text(part: Part): readonly string[] {
    return this.lines.slice(part.start, part.end);
  }

  /** Whether something in it, at any depth, was left out. */
  isElided(part: Part): boolean {
    if (part.kind === "elision") return true;
    if (this.bodyIsElided(part)) return true;
    for (let index = part.header; index < part.end; index++) if (this.leavesOut(index)) return true;
    return false;
  }

  /** Whether there is a first line, and nothing else of it. */
  bodyIsElided(part: Part): boolean {
    if (part.kind !== "declaration" && part.kind !== "statement") return false;
    if (part.end === part.header + 1) return elidedBody(this.headerLine(part)) !== undefined;
    const inner = this.children(part).filter(({ kind }) => kind !== "comment");
    const isCloser = (child: Part) => /^[\s)\]};,]*$|^\s*end\b/.test(this.headerLine(child));
    return (
      inner.some(({ kind }) => kind === "elision") &&
      inner.every((child) => child.kind === "elision" || isCloser(child))
    );
  }

  /** What two parts have in common when they are the same thing: the name that is declared, or what is assigned to. */
  keyOf(part: Part): string | undefined {
    // A constructor of Java has the name of its class.
    const { declaration } = part;
    if (declaration)
      return `declares ${declaration.holds === "members" && this.language.kind === "code" ? "type " : ""}${declaration.name}`;
    if (part.kind !== "statement") return undefined;
    if (this.isDocstring(part)) return "documents";
    if (/^\s*export\s+default\b/.test(this.headerLine(part))) return "exports default";
    // Of statements beside each other, only the last can be one.
    if (/^\s*(?:return|throw|raise)\b/.test(this.headerLine(part))) return "leaves";
    const target = assignedTo(this.headerLine(part));
    if (target !== undefined) return `assigns ${target}`;
    const label = labelOf(this.headerLine(part), part.end > part.header + 1);
    if (label !== undefined) return `labels ${label}`;
    return part.end > part.header + 1 ? `opens ${normalised(this.headerLine(part))}` : undefined;
  }

  /** Of Python: a text by itself. */
  private isDocstring(part: Part): boolean {
    return isPython(this.language) && /^\s*[rRuU]?("""|'''|"[^"]*"\s*$)/.test(this.headerLine(part));
  }

  /** Whether a line stands for code that is left out, and for nothing else. */
  isMark(index: number): boolean {
    return this.elision(index) !== undefined;
  }

  private leavesOut(index: number): boolean {
    const line = this.lines[index] ?? "";
    return this.isMark(index) || (elidedBody(line) !== undefined && !this.known(line));
  }

  private elision(index: number): Elision | undefined {
    if (this.scanned.inside[index]) return undefined;
    return elisionOf(this.lines[index] ?? "", this.known);
  }

  private parse(from: number, to: number, declares: boolean): Part[] {
    const parts: Part[] = [];
    let lead = -1;
    let blanks = 0;
    const flush = (end: number) => {
      if (lead < 0) return;
      parts.push({ start: lead, header: lead, end, kind: "comment", blanks });
      blanks = 0;
      lead = -1;
    };
    let index = from;
    while (index < to) {
      const line = this.lines[index] ?? "";
      const elision = this.elision(index);
      if (isBlank(line) && !this.scanned.inside[index]) {
        flush(index);
        blanks += 1;
        index += 1;
      } else if (elision !== undefined) {
        flush(index);
        parts.push({ start: index, header: index, end: index + 1, kind: "elision", elision, blanks });
        blanks = 0;
        index += 1;
      } else if (this.isLead(index)) {
        if (lead < 0) lead = index;
        index = this.leadEnd(index, to);
      } else {
        const end = this.endOf(index, to);
        const start = lead < 0 ? index : lead;
        parts.push({ start, header: index, end, blanks, ...this.classify(index, end, declares) });
        lead = -1;
        blanks = 0;
        index = end;
      }
    }
    flush(to);
    return parts;
  }

  private isLead(index: number): boolean {
    if (this.scanned.comment[index]) return true;
    const line = (this.lines[index] ?? "").trim();
    if (this.language.kind !== "code") return false;
    return (
      /^@[\w.]+(?:\(|\s*(?:\/\/.*|#.*)?$)|^#!?\[|^\[[A-Z]\w*(?:\(.*)?\]$|^template\s*</.test(line) &&
      !/^@(?:interface)\b/.test(line)
    );
  }

  private leadEnd(index: number, to: number): number {
    const base = this.scanned.depth[index] ?? 0;
    let end = index + 1;
    while (end < to && ((this.scanned.depth[end] ?? 0) > base || this.scanned.inside[end])) end += 1;
    return end;
  }

  /** Behind the last line of the part that begins with line `header`. */
  private endOf(header: number, to: number): number {
    const base = (this.scanned.depth[header] ?? 0) - (this.scanned.closers[header] ?? 0);
    const column = this.column(header);
    if (this.language.statementEnd !== undefined && column === 0) return this.statementEnd(header, to);
    const open = (index: number) =>
      (this.byBrackets || this.language.family === "indentation") && (this.scanned.depth[index] ?? 0) > base;
    let end = header + 1;
    while (end < to) {
      if (this.scanned.inside[end] || open(end)) {
        end += 1;
        continue;
      }
      let next = end;
      while (next < to && isBlank(this.lines[next])) next += 1;
      if (next >= to || !this.continues(header, end - 1, next, column)) break;
      if (next > end && !(this.column(next) > column) && !this.isSection(header)) break;
      end = next + 1;
    }
    return end;
  }

  /** Behind the line that ends with the statement's sign; a blank line ends what has none. */
  private statementEnd(header: number, to: number): number {
    const base = this.scanned.depth[header] ?? 0;
    for (let index = header; index < to; index++) {
      const isWithin = (this.scanned.depth[index + 1] ?? 0) > base || this.scanned.inside[index + 1];
      if (isWithin && index + 1 < to) continue;
      if (/;\s*(?:--.*)?$/.test(this.lines[index] ?? "") || isBlank(this.lines[index + 1])) return index + 1;
      if (index + 1 < to && this.isMark(index + 1)) return index + 1;
    }
    return to;
  }

  /** Of TOML and its like: up to the next one, all is in it. */
  private isSection(header: number): boolean {
    const { kind, family } = this.language;
    return kind === "keys" && family === "indentation" && /^\[.*\]\s*$/.test(this.lines[header] ?? "");
  }

  /** Whether line `next`, with no bracket open before it, still belongs to the part of `header`. */
  private continues(header: number, last: number, next: number, column: number): boolean {
    const line = (this.lines[next] ?? "").trim();
    const own = this.column(next);
    if (own > column) {
      if (this.language.family === "indentation") return true;
      // In a tag, a line may end with "}" and be followed by others.
      if (/^<[\w>]/.test((this.lines[header] ?? "").trim())) return true;
      const before = (this.lines[last] ?? "").trim();
      return !this.byBrackets || (!/[;}]$/.test(before) && !this.scanned.comment[last]);
    }
    if (own < column) return false;
    if (this.isSection(header)) return !/^\[/.test(line);
    if (this.language.kind === "styles" && /,\s*$/.test(this.lines[last] ?? "")) return true;
    if (this.language.family === "indentation" && this.language.kind === "keys")
      return /^- /.test(line) && /:\s*$/.test(this.lines[header] ?? "");
    if (/^\{\s*(?:\/[/*][^}]*)?$/.test(line)) return this.language.family === "brackets";
    if (/^>+\s*[({]/.test(line)) return this.language.family === "brackets";
    if (/^where\b/.test(line)) return this.language.lifetimes ?? false;
    if (/^[)\]}]/.test(line)) return !this.byBrackets;
    if (this.language.family === "indentation" && /^(?:end|fi|done|esac|until)\b/.test(line)) return true;
    if (!/^(?:else|elif|elsif|except|finally|catch|rescue|ensure)\b/.test(line)) return false;
    return /^(?:\}\s*)?(?:if|for|while|try|with|unless|begin|case|else|elif|match|def|do|@|catch|async)\b|\bdo\b|^#/.test(
      (this.lines[header] ?? "").trim(),
    );
  }

  private column(index: number): number {
    return width(indentOf(this.lines[index] ?? ""));
  }

  private classify(header: number, end: number, declares: boolean): Pick<Part, "kind" | "declaration"> {
    const line =
      this.language.kind === "styles"
        ? this.lines.slice(header, this.selectorEnd(header, end)).join(" ")
        : (this.lines[header] ?? "");
    if (isImport(line) && this.language.kind === "code") return { kind: "import" };
    const opens = end > header + 1;
    const declaration =
      declarationOf(line, this.language, opens) ??
      (this.mayBeMethod(header, end, declares) ? methodOf(line) : undefined);
    return declaration ? { kind: "declaration", declaration } : { kind: "statement" };
  }

  /** A method or a function of C has a block behind its parameters; a call has none. */
  private mayBeMethod(header: number, end: number, declares: boolean): boolean {
    if (this.language.family !== "brackets" || this.language.kind !== "code" || !declares) return false;
    const text = this.lines.slice(header, Math.min(end, header + 12)).join("\n");
    if (!opensOutside(text)) return false;
    return (
      /\)[^;=]*\{|\)\s*(?:const|noexcept|override|throws [\w, .]+)*\s*\n?\s*\{/.test(text) &&
      !/^[^{]*=>\s*\{/.test(text.split("\n")[0] ?? "")
    );
  }
}

/** A function's body is behind its parameters, a callback's is among those of a call. */
function opensOutside(text: string): boolean {
  let depth = 0;
  let hasParameters = false;
  for (const character of text.replaceAll(/"[^"\n]*"|'[^'\n]*'/g, "")) {
    if (character === "(") depth += 1;
    else if (character === ")") {
      depth -= 1;
      hasParameters ||= depth === 0;
    } else if (character === "{" && depth === 0) return hasParameters;
  }
  return false;
}
