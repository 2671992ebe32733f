/** Where the selected text is in a document that may have changed since. Offsets are in UTF-16 units. */

/**
 * @param text of the document now
 * @param offset where the selected text began
 * @returns where it begins now; undefined where it is gone, or there are several
 */
export function placeOf(selected: string, offset: number, text: string): number | undefined {
  if (text.startsWith(selected, offset)) return offset;
  const first = text.indexOf(selected);
  return first === -1 || text.indexOf(selected, first + 1) !== -1 ? undefined : first;
}
