import { expect, test } from "vitest";
import { chatPage } from "./html.js";

const parts = {
  ...{ cspSource: "https://here", nonce: "abc", scriptUri: "s.js", styleUri: "s.css" },
  ...{ language: "en", translations: {} },
};

test("the page allows nothing inline and nothing from elsewhere", () => {
  const html = chatPage(parts);
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'nonce-abc'");
  expect(policy).not.toContain("unsafe");
  expect(html.match(/<script[^>]*>/g)).toEqual(['<script type="module" nonce="abc" src="s.js">']);
});

test("the page carries the translations, as text that ends no attribute", () => {
  const html = chatPage({ ...parts, language: "de", translations: { Send: `"><script>'&amp;` } });
  expect(html).toContain('<html lang="de">');
  const attribute = /data-translations="([^"]*)"/.exec(html)?.[1] ?? "";
  const text = attribute.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&amp;", "&");
  expect(JSON.parse(text)).toEqual({ Send: `"><script>'&amp;` });
  expect(html.match(/<script/g)).toHaveLength(1);
});
