/** An answer that would do harm, in the real chat panel: nothing of it runs, nothing is loaded. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Message } from "../../webview/messages.js";
import { ChatPanel, openFile } from "../support/chatPanel.js";
import { showConversation } from "../support/storage.js";
import { keepFailure, startWorkbench, type Workbench } from "../support/workbench.js";

/** Paths that were asked for. */
const asked: string[] = [];
const elsewhere = createServer((request, response) => {
  asked.push(request.url ?? "");
  response.writeHead(200, { "access-control-allow-origin": "*" }).end();
});

let origin: string;
let workbench: Workbench;
let panel: ChatPanel;

beforeAll(async () => {
  elsewhere.listen(0, "127.0.0.1");
  await once(elsewhere, "listening");
  const address = elsewhere.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  origin = `http://127.0.0.1:${address.port}`;
  workbench = await startWorkbench({ settings: {}, files: { "page.html": "<p>" } });
  const { page } = workbench;
  await page.goto(workbench.address());
  panel = new ChatPanel(page);
  await panel.open();
  // As if a model had said it.
  await showConversation(workbench, conversation());
  await panel.document.getByText("the end", { exact: true }).waitFor();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(async () => {
  await workbench?.close();
  elsewhere.close();
});

function conversation(): Message[] {
  const run = "document.body.dataset.ran='yes'";
  const text = [
    `<script>${run}</script>`,
    `<img src="${origin}/img" onerror="${run}">`,
    `<svg onload="${run}"></svg>`,
    `<iframe src="${origin}/iframe" srcdoc="<script>parent.${run}</script>"></iframe>`,
    `<style>@import "${origin}/style"; body { background: url(${origin}/background) }</style>`,
    `<link rel="stylesheet" href="${origin}/link"><base href="${origin}/">`,
    `<form action="${origin}/form"><button>form</button></form>`,
    `<a href="javascript:${run}">html link</a>`,
    `[script link](javascript:${run})`,
    `[data link](data:text/html,<script>${run}</script>)`,
    `![picture](${origin}/picture.png)`,
    `![vector](data:image/svg+xml,<svg/onload=${run}>)`,
    `[reference]: ${origin}/reference`,
    `\`\`\`html\n<script>${run}</script>\n\`\`\``,
    `\`\`\`"><img src=${origin}/fence onerror=${run}>\nfence\n\`\`\``,
    `| a |\n|---|\n| <img src=${origin}/cell onerror=${run}> |`,
    "the end",
  ].join("\n\n");
  return [
    { id: "question", role: "user", text: `<img src="${origin}/question" onerror="${run}">`, attachments: [] },
    { id: "answer", role: "assistant", state: "done", text, detail: `<img src="${origin}/detail" onerror="${run}">` },
  ];
}

test("markup in an answer is shown as text", async () => {
  const answer = panel.answers.first();
  expect(await answer.textContent()).toContain("<script>document.body.dataset.ran='yes'</script>");
  expect(await panel.questions.first().textContent()).toContain("<img src=");
  // Not with a locator, which would look into the shadow trees of our own buttons too.
  const harmful = "script, img, svg, iframe, style, link, base, form, object, embed";
  const transcript = panel.document.locator(".transcript");
  const count = transcript.evaluate((element, selector) => element.querySelectorAll(selector).length, harmful);
  expect(await count).toBe(0);
  const attributes = await panel.document
    .locator(".transcript .body :not(.toolbar, .toolbar *)")
    .evaluateAll((elements) => elements.flatMap((element) => element.getAttributeNames()));
  expect(attributes.filter((name) => /^(on|style$|src)/.test(name))).toEqual([]);
  const links = await panel.document
    .locator(".transcript a")
    .evaluateAll((elements) => elements.map((element) => element.getAttribute("href") ?? ""));
  expect(links.filter((href) => !/^https?:/.test(href))).toEqual([]);
});

test("nothing of it has run, and nothing was loaded", async () => {
  expect(await panel.document.locator("body").getAttribute("data-ran")).toBeNull();
  expect(asked).toEqual([]);
});

test("what would get past the sanitiser is refused by the page's policy", async () => {
  const refused = await panel.document.locator("body").evaluate((body, from) => {
    const directives = new Set<string>();
    const wanted = ["connect-src", "frame-src", "img-src", "script-src-attr", "script-src-elem", "style-src-elem"];
    const all = new Promise<string[]>((resolve) => {
      document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
        directives.add(effectiveDirective);
        if (wanted.every((directive) => directives.has(directive))) resolve([...directives].sort());
      });
    });
    const add = (tag: string, attributes: Record<string, string>, text = "") => {
      const made = document.createElement(tag);
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      made.textContent = text;
      body.append(made);
    };
    const run = "document.body.dataset.ran='yes'";
    add("script", {}, run);
    add("script", { src: `${from}/script` });
    add("img", { src: `${from}/image`, onerror: run });
    add("iframe", { src: `${from}/frame` });
    add("style", {}, `@import "${from}/import"`);
    fetch(`${from}/fetch`).catch(() => undefined);
    return all;
  }, origin);
  expect(refused).toContain("img-src");
  expect(await panel.document.locator("body").getAttribute("data-ran")).toBeNull();
  expect(asked).toEqual([]);
  // That the silence means something.
  await fetch(`${origin}/control`);
  expect(asked).toEqual(["/control"]);
});

test("code is inserted where the cursor is, when a person says so, as it stands", async () => {
  const { page, folder } = workbench;
  const lines = await openFile(page, "page.html");
  await lines.click();
  await page.keyboard.press("Control+End");
  await panel.button("Insert at cursor").first().click();
  await lines.getByText("document.body.dataset.ran").waitFor();
  await lines.click();
  await page.keyboard.press("Control+s");
  const saved = () => readFile(path.join(folder, "page.html"), "utf8");
  await expect.poll(saved).toBe("<p><script>document.body.dataset.ran='yes'</script>");
});
