import type MarkdownIt from "markdown-it";

const mathEnds: Readonly<Record<string, string>> = { "\\(": "\\)", "\\[": "\\]", $$: "$$" };

/** More of Markdown's marks are in no paragraph that means something; work may grow with the square of their number. */
const mostMarks = 800;
const marks = /[[\]\\*_~`<&!$]/g;

/** What models write beyond Markdown: formulas of LaTeX, line breaks of HTML; and the alignment of columns without styles. */
export function addMarkdownRules(markdown: InstanceType<typeof MarkdownIt>): void {
  // Before backslashes are taken for Markdown's own, and underscores for emphasis.
  markdown.inline.ruler.before("escape", "math", (state, silent) => {
    const begin = state.src.slice(state.pos, state.pos + 2);
    const end = mathEnds[begin];
    if (end === undefined) return false;
    const at = state.src.indexOf(end, state.pos + 2);
    const closes = at >= 0 && at < state.posMax && at > state.pos + 2;
    // A formula that is still being written keeps its backslash too.
    const length = closes ? at + 2 - state.pos : begin.startsWith("\\") ? 2 : 0;
    if (length === 0) return false;
    if (!silent) {
      const token = state.push(closes ? "math" : "text", "", 0);
      token.content = state.src.slice(state.pos, state.pos + length);
    }
    state.pos += length;
    return true;
  });
  markdown.core.ruler.at("inline", ({ tokens, md, env, Token }) => {
    for (const { type, content, children } of tokens) {
      if (type !== "inline" || !children) continue;
      if ((content.match(marks)?.length ?? 0) <= mostMarks) {
        md.inline.parse(content, md, env, children);
        continue;
      }
      const asItIs = new Token("text", "", 0);
      asItIs.content = content;
      children.push(asItIs);
    }
  });

  const { escapeHtml } = markdown.utils;
  markdown.renderer.rules["math"] = (tokens, index) =>
    `<span class="math">${escapeHtml(tokens[index]?.content ?? "")}</span>`;

  markdown.inline.ruler.before("html_inline", "line break", (state, silent) => {
    const found = /^<br\s*\/?>/i.exec(state.src.slice(state.pos, state.pos + 10))?.[0];
    if (found === undefined) return false;
    if (!silent) state.push("hardbreak", "br", 0);
    state.pos += found.length;
    return true;
  });

  for (const cell of ["th_open", "td_open"]) {
    markdown.renderer.rules[cell] = (tokens, index, options, _, renderer) => {
      const token = tokens[index];
      const align = /text-align:(left|center|right)/.exec(String(token?.attrGet("style") ?? ""))?.[1];
      if (token && align) token.attrs = [["class", `align-${align}`]];
      return renderer.renderToken(tokens, index, options);
    };
  }
}
