/** Cursors for tests of filters. */
import { type Cursor, cursorAt, type FileFormat } from "../cursor/cursor.js";

/** The cursor where `|` stands in a text. */
export function at(marked: string, format?: FileFormat): Cursor {
  const cursor = cursorAt(marked.replace("|", ""), marked.indexOf("|"), format);
  if (!cursor) throw new Error(`No suggestion is wanted in ${JSON.stringify(marked)}.`);
  return cursor;
}
