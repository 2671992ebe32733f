import * as l10n from "@vscode/l10n";

/** A sentence ends at a mark with a blank behind it, in Chinese and Japanese at the mark. */
const sentenceEnd = /[.!?…:]["')\]]*(?=\s)|[。！？]/;
/** Longer text without an end is told in pieces. */
const longest = 400;

/** Takes sentences out of Markdown that grows. Code is told by its number of lines. */
export class Sentences {
  private line = "";
  private paragraph = "";
  private fence: { marker: string; lines: number } | undefined;

  /** @returns the sentences that have ended with this text */
  add(text: string): string[] {
    const said: string[] = [];
    const lines = (this.line + text).split("\n");
    this.line = lines.pop() ?? "";
    for (const line of lines) said.push(...this.addLine(line));
    return said;
  }

  /** @returns what is left */
  end(): string[] {
    const said = [...this.addLine(this.line), ...this.endParagraph()];
    this.line = "";
    if (this.fence) said.push(codeLines(this.fence.lines));
    this.fence = undefined;
    return said;
  }

  private addLine(line: string): string[] {
    const marker = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (this.fence) {
      if (marker === undefined || !line.trim().startsWith(this.fence.marker)) {
        this.fence.lines += 1;
        return [];
      }
      const { lines } = this.fence;
      this.fence = undefined;
      return [codeLines(lines)];
    }
    if (marker !== undefined) {
      this.fence = { marker, lines: 0 };
      return this.endParagraph();
    }
    const isItem = /^\s*(?:[-*+]|\d+[.)]|#{1,6}|>|\|)\s/.test(line);
    const before = isItem || line.trim() === "" ? this.endParagraph() : [];
    this.paragraph += `${plain(line)} `;
    return [...before, ...this.ended()];
  }

  private ended(): string[] {
    const said: string[] = [];
    for (;;) {
      const end = sentenceEnd.exec(this.paragraph);
      const at = end ? end.index + end[0].length : this.paragraph.length > longest ? longest : 0;
      if (at === 0) return said.filter((sentence) => sentence !== "");
      said.push(this.paragraph.slice(0, at).trim());
      this.paragraph = this.paragraph.slice(at);
    }
  }

  private endParagraph(): string[] {
    const rest = this.paragraph.trim();
    this.paragraph = "";
    return rest === "" ? [] : [rest];
  }
}

const codeLines = (lines: number) => (lines === 1 ? l10n.t("Code, 1 line.") : l10n.t("Code, {0} lines.", lines));

/** Without the marks of Markdown. */
function plain(line: string): string {
  return line
    .slice(0, 4000)
    .replace(/^\s*(?:[-*+]|#{1,6}|>)\s+/, "")
    .replaceAll(/\*\*|__|`|(?<=^|\W)[*_]|[*_](?=\W|$)/g, "")
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/\s*\|\s*/g, ", ")
    .trim();
}
