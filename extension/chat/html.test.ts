import { expect, test } from "vitest";
import { chatPage } from "./html.js";

test("the page allows nothing inline and nothing from elsewhere", () => {
  const html = chatPage({ cspSource: "https://here", nonce: "abc", scriptUri: "s.js", styleUri: "s.css" });
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'nonce-abc'");
  expect(policy).not.toContain("unsafe");
  expect(html.match(/<script[^>]*>/g)).toEqual(['<script type="module" nonce="abc" src="s.js">']);
});
