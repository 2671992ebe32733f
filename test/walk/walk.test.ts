/** A day's work in one window with the chat model that Flint starts with: a failing test is explained, mended and committed. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fetchModel, starters } from "../../scripts/starter-model.mjs";
import { sum, sumTest } from "../support/brokenSum.js";
import { beginning, ChatPanel, chooseTheme, openFile, runCommand, writeCommitMessage } from "../support/chatPanel.js";
import { keepFailure, picture, startWorkbench, type Workbench } from "../support/workbench.js";

let workbench: Workbench;
let panel: ChatPanel;

const run = (command: string, ...args: string[]) => promisify(execFile)(command, args, { cwd: workbench.folder });
const git = (...args: string[]) => run("git", ...args);
const contentOf = (name: string) => readFile(path.join(workbench.folder, name), "utf8");
const passes = () =>
  run(process.execPath, "sum.test.cjs").then(
    () => true,
    () => false,
  );

beforeAll(async () => {
  workbench = await startWorkbench({
    settings: {
      "flint.model": await fetchModel(starters.chat),
      "flint.inlineModel": await fetchModel(starters.inline),
      "flint.ramCap": "2GiB",
      "git.openRepositoryInParentFolders": "never",
    },
    files: { "sum.cjs": sum, "sum.test.cjs": sumTest, "README.md": "# Numbers\n\nSums and means.\n" },
  });
  await git("init");
  await git("add", ".");
  await git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-m", "Add sums and means");
  const { page } = workbench;
  await page.goto(workbench.address());
  panel = new ChatPanel(page);
  await panel.open();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

const show = (name: string) => picture(workbench.page, `walk-${name}`);

test("the panel says what it is for, and whether the model fits", async () => {
  await openFile(workbench.page, "sum.cjs");
  await panel.document.getByText(/^Fits in 2\.0 GiB/).waitFor();
  await show("empty");
});

test("the failing test is explained and mended, with the test attached", async () => {
  const { page } = workbench;
  expect(await passes()).toBe(false);
  await panel.button("Ask about sum.cjs").click();
  await panel.input.click();
  await page.keyboard.type("sum([1, 2, 3]) gives 5 instead of 6. Why? Show the corrected function. @");
  const list = page.locator(".quick-input-widget", { hasText: "Add Context" });
  await list.locator("input").fill("sum.test");
  await list.locator(".monaco-list-row.focused", { hasText: "sum.test.cjs" }).waitFor();
  await show("context");
  await page.keyboard.press("Enter");
  await panel.document.getByRole("button", { name: /^Remove sum\.test\.cjs/ }).waitFor();
  await show("attached");
  await page.keyboard.press("Enter");
  await beginning(panel.answerThat("streaming").locator(".body"), 1);
  await show("streaming");
  await panel.answerThat("done").waitFor();
  await show("answer");
});

test("what is answered is applied as a diff, and the test passes", async () => {
  const { page } = workbench;
  const diff = page.locator(".tab", { hasText: /sum\.cjs: / });
  // As a person does, who asks again where an answer is wrong.
  for (let attempt = 1; attempt <= 3 && !(await passes()); attempt++) {
    if (attempt > 1) {
      await panel.document.getByRole("button", { name: "Ask again" }).last().click();
      await panel.answerThat("streaming").waitFor();
      await panel.answerThat("done").waitFor();
    }
    const apply = panel.answers.last().getByRole("button", { name: "Apply to file" }).first();
    if ((await apply.count()) === 0) continue;
    await apply.click();
    const refused = page.locator(".notification-toast", { hasText: "is not applied" });
    await Promise.race([diff.waitFor(), refused.waitFor()]);
    if (!(await diff.isVisible())) {
      await refused.getByRole("button", { name: "Clear Notification" }).click();
      continue;
    }
    await page.locator(".monaco-diff-editor .view-lines").first().waitFor();
    await show("apply");
    await page.getByRole("button", { name: "Accept All Changes" }).click();
    await diff.waitFor({ state: "detached" });
  }
  expect(await passes()).toBe(true);
});

test("the command that a person asks for is put into the terminal", async () => {
  const { page } = workbench;
  const answer = panel.answers.nth(await panel.answers.count());
  await panel.ask("Which shell command runs sum.test.cjs with Node.js? Answer with one sh code block.");
  await answer.and(panel.document.locator("[data-state=done]")).waitFor();
  await panel.document.getByRole("button", { name: "Run in terminal" }).last().click();
  const terminal = page.locator(".terminal-wrapper .xterm");
  await terminal.waitFor();
  await terminal.click();
  await show("terminal");
  await runCommand(page, "View: Hide Panel");
});

test("selected lines are edited by an instruction", async () => {
  const { page } = workbench;
  const lines = await openFile(page, "sum.cjs");
  await lines.getByText("mean").first().click();
  await page.keyboard.press("Control+i");
  const input = page.locator(".quick-input-widget input");
  await input.fill("Return 0 if there are no numbers");
  await show("edit-instruction");
  await input.press("Enter");
  await expect.poll(() => page.locator(".monaco-diff-editor").count()).toBeGreaterThan(0);
  await page.getByRole("button", { name: "Accept Edit" }).waitFor();
  await show("edit");
  await page.getByRole("button", { name: "Accept Edit" }).click();
  await expect.poll(() => page.locator(".monaco-diff-editor").count()).toBe(0);
  const before = await contentOf("sum.cjs");
  const saved = async () => {
    await page.keyboard.press("Control+s");
    return contentOf("sum.cjs");
  };
  await expect.poll(saved, { interval: 1000 }).not.toBe(before);
});

test("the message of the commit is written from what is staged", async () => {
  const { page } = workbench;
  await git("add", "sum.cjs");
  const box = await writeCommitMessage(page);
  await expect.poll(async () => ((await box.textContent()) ?? "").length).toBeGreaterThan(10);
  await show("commit");
});

test("a person looks back: earlier chats, menu, models", async () => {
  const { page } = workbench;
  await panel.open();
  await panel.input.click();
  await page.keyboard.type("/");
  await panel.document.getByRole("option").first().waitFor();
  await show("commands");
  await page.keyboard.press("Backspace");
  await runCommand(page, "Flint: Show Chat History");
  await page.locator(".quick-input-list .monaco-list-row").first().waitFor();
  await show("history");
  await page.keyboard.press("Escape");
  await page.locator(".statusbar-item", { hasText: "Flint" }).click();
  await page.locator(".quick-input-list .monaco-list-row").first().waitFor();
  await show("menu");
  await page.keyboard.press("Escape");
  await runCommand(page, "Flint: Choose Model");
  await page.locator(".quick-input-list .monaco-list-row").first().waitFor();
  await show("models");
  await page.keyboard.press("Escape");
});

test.each(["Light Modern", "Dark High Contrast", "Light High Contrast", "Dark Modern"])(
  "the conversation in %s, narrow and as wide as an editor",
  async (theme) => {
    const { page } = workbench;
    await chooseTheme(page, theme);
    await page.locator(".quick-input-widget input").waitFor({ state: "hidden" });
    const name = theme.toLowerCase().replaceAll(" ", "-");
    await show(`${name}-narrow`);
    await runCommand(page, "Flint: Open Chat in Editor");
    // The side bar's is the first.
    const wide = page.frameLocator("iframe.webview.ready >> nth=1").frameLocator("#active-frame");
    await wide.getByRole("textbox", { name: "Ask Flint" }).waitFor();
    await show(`${name}-wide`);
    await runCommand(page, "View: Close Editor");
  },
);
