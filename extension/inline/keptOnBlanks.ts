/**
 * VS Code leaves a suggestion on show while blanks are typed at the beginning of its line, whether it has them or not, until its
 * provider has answered for the new place.
 */

export interface LineSpot {
  /** Of the document. */
  file: string;
  /** Of the cursor, from 0. */
  line: number;
  /** The cursor's line before it. */
  lineBefore: string;
}

export class KeptOnBlanks {
  private last: (LineSpot & { texts: readonly string[] }) | undefined;

  /** These are shown from now on; none: nothing is. */
  shown(spot: LineSpot, texts: readonly string[]): void {
    this.last = { ...spot, texts };
  }

  /** Whether what is on show does not have the blanks that were typed since. */
  isStale({ file, line, lineBefore }: LineSpot): boolean {
    const { last } = this;
    if (!last || last.texts.length === 0 || last.file !== file || last.line !== line) return false;
    if (lineBefore.trim() !== "" || !lineBefore.startsWith(last.lineBefore)) return false;
    const typed = lineBefore.slice(last.lineBefore.length);
    return !last.texts.some((text) => text.startsWith(typed));
  }
}
