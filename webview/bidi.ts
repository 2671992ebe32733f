import { element } from "./elements.js";

/** Characters that change the order in which others are shown, unseen themselves. */
const overrides = /[\u202A-\u202E\u2066-\u2069]/;
const each = /([\u202A-\u202E\u2066-\u2069])/;

/** Whether a text could show other than what it says. */
export const hasBidi = (text: string): boolean => overrides.test(text);

/** Shows such characters in the text under `root` by their numbers, where they have no effect. */
export function showBidi(root: Node): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (hasBidi(node.nodeValue ?? "")) found.push(node as Text);
  for (const node of found) {
    const pieces = (node.nodeValue ?? "").split(each).map((piece) => (overrides.test(piece) ? mark(piece) : piece));
    node.replaceWith(...pieces);
  }
}

function mark(character: string): HTMLElement {
  return element("span", "bidi", `[U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}]`);
}
