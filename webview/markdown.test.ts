import { expect, test } from "vitest";
import { renderBlocks } from "./markdown.js";

const render = (text: string) => renderBlocks(text).join("");

test("renders Markdown", () => {
  expect(render("# A\n\n*b* `c`\n\n- d\n- e")).toBe(
    "<h1>A</h1>\n<p><em>b</em> <code>c</code></p>\n<ul>\n<li>d</li>\n<li>e</li>\n</ul>\n",
  );
});

test("highlights code in a known language, and escapes it in any other", () => {
  expect(render("```ts\nconst a = '<b>';\n```")).toMatch(
    /data-language="ts"><pre><code class="hljs"><span class="hljs-keyword">const<\/span> a = <span class="hljs-string">&#x27;&lt;b&gt;/,
  );
  expect(render("```nosuch\n<b>\n```")).toContain('<code class="hljs">&lt;b&gt;\n</code>');
  expect(render("    <b>")).toContain(`<code class="hljs">&lt;b&gt;\n</code>`);
});

test.each([
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "![x](https://example.com/pixel.png)",
  "[x](javascript:alert(1))",
  "<a href='javascript:alert(1)'>x</a>",
  '```"><script>alert(1)</script>\n\n```',
  "```html\n<script>alert(1)</script>\n```",
])("%j brings in no element that does or loads anything", (text) => {
  const html = render(text);
  expect(html).not.toMatch(/<(script|img|iframe)|<[^>]+\son\w+=|href="javascript:/i);
});

test("a growing answer leaves its finished blocks alone", () => {
  const text = "First.\n\n```js\nlet a = 1;\n```\n\n- one\n- two\n\nLast, *still* growing";
  const whole = renderBlocks(text);
  expect(whole).toHaveLength(4);
  const half = renderBlocks(text.slice(0, -10));
  expect(half.slice(0, 3)).toEqual(whole.slice(0, 3));
});

test("a code block that is not closed yet is one already", () => {
  expect(renderBlocks("Look:\n\n```py\nprint(")).toHaveLength(2);
});

test("a paragraph of hundreds of marks is shown as it is, one with some of them as what they say", () => {
  const marks = "[\\*".repeat(400);
  expect(renderBlocks(marks)).toEqual([`<p>${marks}</p>\n`]);
  expect(renderBlocks("**a** ".repeat(100))[0]?.match(/<strong>a<\/strong>/g)).toHaveLength(100);
});

test.each([
  ["as many words as letters", `\`\`\`js\n${"1(1(1(1(\n".repeat(1000)}\`\`\``],
  ["texts inside of texts", `\`\`\`bash\n${'a"$(\n'.repeat(300)}\`\`\``],
])("code of %s has no colours", (_, text) => {
  expect(render(text)).not.toContain("hljs-");
});
