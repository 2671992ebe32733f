import DOMPurify from "dompurify";

/** What Markdown can yield, and nothing else: no images, no styles, no forms. */
const allowed = {
  ALLOWED_TAGS: [
    ..."a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr li ol p pre s span strong".split(" "),
    ..."table tbody td th thead tr ul".split(" "),
  ],
  ALLOWED_ATTR: ["class", "data-language", "href", "start", "title"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true as const,
};

/** Turns HTML made from a model's words into nodes that can do nothing but be read. */
export function toNodes(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, allowed);
}
