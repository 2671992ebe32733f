/** Two windows without a folder, which share their storage: what is said and typed in each of them is kept. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ChatPanel, runCommand } from "../support/chatPanel.js";
import { startScriptedWorkbench } from "../support/scriptedWorkbench.js";
import { extensionStorage } from "../support/storage.js";
import { keepFailure, type Workbench } from "../support/workbench.js";

let workbench: Workbench;
let first: ChatPanel;
let second: ChatPanel;
let secondPage: Page;

async function open(page: Page): Promise<ChatPanel> {
  const address = new URL(workbench.address({ ew: "true" }));
  address.searchParams.delete("folder");
  await page.goto(address.href);
  const panel = new ChatPanel(page);
  await panel.open();
  return panel;
}

beforeAll(async () => {
  workbench = await startScriptedWorkbench();
  first = await open(workbench.page);
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

async function askAndWait(panel: ChatPanel, question: string): Promise<void> {
  await panel.ask(question);
  await panel.questions.filter({ hasText: question }).last().waitFor();
  await panel.answerThat("done").waitFor();
  await panel.button("Send").waitFor();
}
const said = (panel: ChatPanel) =>
  panel.document.locator("[data-role=user] .body, [data-role=assistant] .body").allInnerTexts();
/** All that the extension has stored in files of this kind. */
async function stored(kind: RegExp): Promise<string> {
  const root = await extensionStorage(workbench);
  const names = (await readdir(root, { recursive: true })).filter((name) => kind.test(name));
  return (await Promise.all(names.map((name) => readFile(path.join(root, name), "utf8")))).join("\n");
}

test("the second window does not show what the first one does, and can open it", async () => {
  await askAndWait(first, "say One");
  secondPage = await workbench.page.context().newPage();
  secondPage.setDefaultTimeout(120_000);
  second = await open(secondPage);
  expect(await said(second)).toEqual([]);
  await runCommand(secondPage, "Flint: Show Chat History");
  const row = secondPage.locator(".quick-input-widget .monaco-list-row", { hasText: "say One" }).first();
  await row.click();
  await expect.poll(() => said(second)).toEqual(["say One", "One"]);
});

test("both go on with the same chat, and nothing is lost", async () => {
  await askAndWait(second, "say Two");
  await askAndWait(first, "say Three");
  const conversations = () => stored(/\.json$/);
  for (const text of ["say One", "say Two", "say Three"]) await expect.poll(conversations).toContain(text);
});

test("each keeps what was typed in it", async () => {
  await first.input.fill("draft of the first");
  await second.input.fill("draft of the second");
  const drafts = () => stored(/^panel.*\.json$/);
  await expect.poll(drafts).toContain("draft of the first");
  await expect.poll(drafts).toContain("draft of the second");
  await first.reload();
  await second.reload();
  await expect.poll(() => first.input.inputValue()).toBe("draft of the first");
  await expect.poll(() => second.input.inputValue()).toBe("draft of the second");
});
