/** A selection that can be had only by copying it. Knows no VS Code. */

/** As VS Code has it: of what is no text it knows nothing. */
export interface TextClipboard {
  /** "" where it is empty, and where there is a picture or something else that is no text. */
  readText(): PromiseLike<string>;
  writeText(text: string): PromiseLike<void>;
}

/**
 * A selection that a command copies. A text that was in the clipboard is put back. Where there is none, there may be a picture, which
 * nothing could put back: then the person is asked first, and the selection stays in the clipboard, as nothing is known to be better.
 * The limit: a text that is put back has lost its other forms, such as bold type, or the files whose names it is.
 * @param copy leaves the clipboard as it is where nothing is selected
 * @param mayReplace asks whether what may be in the clipboard may be lost
 * @param marker a text that nobody selects: with it in the clipboard, a selection of what was there before is one all the same
 * @returns "" where nothing is selected; undefined where the person does not want it
 */
export async function copiedSelection(
  clipboard: TextClipboard,
  copy: () => PromiseLike<void>,
  mayReplace: () => PromiseLike<boolean>,
  marker: string,
): Promise<string | undefined> {
  const before = await clipboard.readText();
  if (before === "") {
    if (!(await mayReplace())) return undefined;
    await copy();
    return clipboard.readText();
  }
  try {
    await clipboard.writeText(marker);
    await copy();
    const text = await clipboard.readText();
    return text === marker ? "" : text;
  } finally {
    await clipboard.writeText(before);
  }
}
