/**
 * What of a suggestion is taken over. VS Code tells of whole suggestions only: that a word or a line of one was accepted is seen from
 * the change of the document.
 */

export interface Offered {
  /** Of the document. */
  file: string;
  /** The cursor's place in it, in UTF-16 units. */
  offset: number;
  /** What could be inserted there: the suggestion, and others for the same place. */
  texts: readonly string[];
}

export interface Change {
  file: string;
  /** What was replaced, in UTF-16 units, and by what. */
  offset: number;
  length: number;
  text: string;
}

export interface Taken {
  characters: number;
  /** Whether nothing of the suggestion was taken before. */
  first: boolean;
}

/** What one key writes: a character, a pair of brackets or quotes that the editor closes, a new line with its indentation. */
const key = /^(.|\(\)|\[\]|\{\}|""|''|``|\s+)$/su;

export class Acceptance {
  private offered: Offered | undefined;
  private counted = false;

  /** @returns whether this is another suggestion than the last one, and not what is left of that */
  offer(offered: Offered): boolean {
    const last = this.offered;
    this.offered = offered;
    const isSame =
      last?.file === offered.file &&
      last.offset === offered.offset &&
      // The model may have written on.
      offered.texts.some((text) => last.texts.some((other) => text.startsWith(other) || other.startsWith(text)));
    if (isSame) return false;
    this.counted = false;
    return true;
  }

  /** A whole suggestion, or all that was left of it, was taken. */
  all(characters: number): Taken {
    return this.take(characters);
  }

  /** @returns what was taken with the change; undefined where somebody typed, or did something else */
  changed({ file, offset, length, text }: Change): Taken | undefined {
    const { offered } = this;
    this.offered = undefined;
    if (offered?.file !== file || offset > offered.offset || offset + length !== offered.offset) return undefined;
    // What stands there already may be replaced by itself.
    const written = text.slice(offered.offset - offset);
    const rests = offered.texts.filter((each) => each.startsWith(written)).map((each) => each.slice(written.length));
    if (written === "" || rests.length === 0) return undefined;
    this.offered = { file, offset: offered.offset + written.length, texts: rests };
    // Of a whole one VS Code tells itself.
    return rests.includes("") || key.test(written) ? undefined : this.take(written.length);
  }

  private take(characters: number): Taken {
    const first = !this.counted;
    this.counted = true;
    return { characters, first };
  }
}
