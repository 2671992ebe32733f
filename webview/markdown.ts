import MarkdownIt from "markdown-it";
import { highlight } from "./highlight.js";

/** Raw HTML in an answer is text, and images are left out: the page may load nothing. */
const markdown = new MarkdownIt({ html: false, linkify: true }).disable("image");
const escapeHtml = markdown.utils.escapeHtml;

markdown.renderer.rules["fence"] = (tokens, index) => {
  const token = tokens[index];
  return codeBlock(token?.content ?? "", token?.info.trim().split(/\s+/)[0] ?? "");
};
markdown.renderer.rules["code_block"] = (tokens, index) => codeBlock(tokens[index]?.content ?? "", "");

/**
 * Renders Markdown into one string of HTML for each block at the top level, in order: while text is appended, all but
 * the last few stay the same, so that the page need not be drawn anew. To be sanitised before use all the same.
 */
export function renderBlocks(text: string): string[] {
  const environment = {};
  const tokens = markdown.parse(text, environment);
  const blocks: string[] = [];
  let start = 0;
  let depth = 0;
  tokens.forEach((token, index) => {
    depth += token.nesting;
    if (depth > 0) return;
    blocks.push(markdown.renderer.render(tokens.slice(start, index + 1), markdown.options, environment));
    start = index + 1;
  });
  return blocks;
}

function codeBlock(code: string, language: string): string {
  const name = escapeHtml(language);
  const html = highlight(code, language.toLowerCase()) ?? escapeHtml(code);
  return `<div class="code-block" data-language="${name}"><pre><code class="hljs">${html}</code></pre></div>`;
}
