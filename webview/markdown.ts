import MarkdownIt from "markdown-it";
import { highlight } from "./highlight.js";
import { addMarkdownRules } from "./markdownRules.js";

/** Raw HTML in an answer is text, and images are left out: the page may load nothing. */
const markdown = new MarkdownIt({ html: false, linkify: true }).disable("image");
addMarkdownRules(markdown);
const escapeHtml = markdown.utils.escapeHtml;

markdown.renderer.rules["fence"] = (tokens, index) => {
  const token = tokens[index];
  return codeBlock(token?.content ?? "", token?.info.trim().split(/\s+/)[0] ?? "");
};
markdown.renderer.rules["code_block"] = (tokens, index) => codeBlock(tokens[index]?.content ?? "", "");

/** A part of an answer at the top level. HTML is to be sanitised before use all the same. */
export type Block =
  | { kind: "html"; html: string }
  /** `info` is what stands behind the fence, `closed` whether its end was seen. */
  | { kind: "code"; info: string; code: string; closed: boolean };

/** A block, and where its source begins and ends, in lines from 0. */
export interface ParsedBlock {
  block: Block;
  firstLine: number;
  /** Behind the last. */
  endLine: number;
}

/** What has been said of links in earlier parts of the same answer. */
export type Environment = Record<string, unknown>;

/** Parses Markdown into its blocks at the top level. */
export function parseBlocks(text: string, environment: Environment): ParsedBlock[] {
  const tokens = markdown.parse(text, environment);
  const lines = text.split("\n");
  const blocks: ParsedBlock[] = [];
  let start = 0;
  let depth = 0;
  tokens.forEach((token, index) => {
    depth += token.nesting;
    if (depth > 0) return;
    const [firstLine, endLine] = tokens[start]?.map ?? [0, lines.length];
    const html = () => markdown.renderer.render(tokens.slice(start, index + 1), markdown.options, environment);
    const closed =
      token.type !== "fence" || (endLine - firstLine > 1 && isFenceEnd(lines[endLine - 1] ?? "", token.markup));
    const block: Block =
      token.type === "fence" || token.type === "code_block"
        ? { kind: "code", info: token.info.trim(), code: token.content, closed }
        : { kind: "html", html: html() };
    blocks.push({ block, firstLine, endLine });
    start = index + 1;
  });
  return blocks;
}

/** @param markup what the fence began with */
export function isFenceEnd(line: string, markup: string): boolean {
  const trimmed = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
  return trimmed !== undefined && trimmed[0] === markup[0] && trimmed.length >= markup.length;
}

/** Renders all of a text into one string of HTML for each block at the top level, in order. */
export function renderBlocks(text: string): string[] {
  return parseBlocks(text, {}).map(({ block }) =>
    block.kind === "html" ? block.html : codeBlock(block.code, block.info.split(/\s+/)[0] ?? ""),
  );
}

function codeBlock(code: string, language: string): string {
  const name = escapeHtml(language);
  const html = highlight(code, language.toLowerCase()) ?? escapeHtml(code);
  return `<div class="code-block" data-language="${name}"><pre><code class="hljs">${html}</code></pre></div>`;
}
