/** A person's path through the packaged extension, in one window from start to end. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { root } from "../../scripts/build.mjs";
import { starterModel } from "../../scripts/starter-model.mjs";
import { chatPanel, picture, startWorkbench, type Workbench } from "../harness/workbench.js";

const minute = 60_000;

let workbench: Workbench;

beforeAll(async () => {
  workbench = await startWorkbench({
    settings: { "flint.model": await starterModel(), "flint.ramCap": "768MiB" },
    files: { "numbers.py": "ten = [1, 2, 3, 4, 5," },
  });
  const { page } = workbench;
  page.setDefaultTimeout(2 * minute);
  await page.goto(workbench.address());
  await page.locator(".monaco-workbench").waitFor();
});

afterEach(async ({ task }) => {
  if (task.result?.state !== "fail") return;
  const file = path.join(root, "build/test/failures", task.name.replaceAll(/\W+/g, "-"));
  await mkdir(path.dirname(file), { recursive: true });
  await workbench.page.screenshot({ path: `${file}.png` });
  await writeFile(`${file}.log`, workbench.log());
});

afterAll(() => workbench?.close());

const panel = () => chatPanel(workbench.page);
const input = () => panel().getByRole("textbox", { name: "Ask Flint" });
const answers = () => panel().locator("[data-role=assistant]");
const answerThat = (state: string) => panel().locator(`[data-role=assistant][data-state=${state}]`).last();

async function openPanel(): Promise<void> {
  const { page } = workbench;
  const view = page.locator(".activitybar .action-item", { has: page.getByLabel("Flint", { exact: true }) });
  await view.waitFor();
  if (!(await view.getAttribute("class"))?.includes("checked")) await view.click();
  await input().waitFor();
}

/** Waits until `locator` holds text, and then more than that. */
async function growing(locator: Locator): Promise<void> {
  let length = 0;
  for (let times = 0; times < 2; times++) {
    const before = length;
    const wait = { timeout: 2 * minute, interval: 50 };
    await expect
      .poll(async () => (length = ((await locator.textContent()) ?? "").length), wait)
      .toBeGreaterThan(before);
  }
}

/** Runs a command as a person does, with the keyboard. */
async function runCommand(title: string): Promise<void> {
  const { page } = workbench;
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget input").waitFor();
  await page.keyboard.type(title);
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: title }).waitFor();
  await page.keyboard.press("Enter");
}

test("the panel opens from the activity bar", async () => {
  await openPanel();
  await panel().getByRole("button", { name: "Send" }).waitFor();
  await picture(workbench.page, "empty");
});

test("an answer appears while it is being written", async () => {
  await input().click();
  await workbench.page.keyboard.type("Answer in one sentence: what is a compiler?");
  await panel().getByRole("button", { name: "Send" }).click();
  await growing(answerThat("streaming"));
  await answerThat("done").waitFor();
  await panel().getByRole("button", { name: "Send" }).waitFor();
  expect(await panel().getByRole("button", { name: "Stop" }).count()).toBe(0);
});

test("an answer can be stopped, and what was said stays", async () => {
  await input().fill("Write a Python function that says whether a number is even.");
  await panel().getByRole("button", { name: "Send" }).click();
  const code = answerThat("streaming").locator("pre code.hljs").first();
  await growing(code);
  const said = (await code.textContent()) ?? "";
  await picture(workbench.page, "answering");
  await panel().getByRole("button", { name: "Stop" }).click();
  await answerThat("stopped").waitFor();
  expect(await answerThat("stopped").textContent()).toContain(said);
  await panel().getByRole("button", { name: "Send" }).waitFor();
});

test("the conversation survives a reload of the window", async () => {
  const before = await answers().allTextContents();
  expect(before).toHaveLength(2);
  await workbench.page.reload();
  await openPanel();
  await answerThat("stopped").waitFor();
  expect(await answers().allTextContents()).toEqual(before);
  expect(await panel().locator("[data-role=user]").count()).toBe(2);
});

test("a question can be asked and stopped with the keyboard alone", async () => {
  const { page } = workbench;
  await runCommand("Flint: New Chat");
  await expect.poll(() => answers().count()).toBe(0);
  await expect.poll(() => input().evaluate((element) => element === document.activeElement)).toBe(true);
  await page.keyboard.type("Count from one to one hundred, in words.");
  await page.keyboard.press("Enter");
  await growing(answerThat("streaming"));
  await page.keyboard.press("Escape");
  await answerThat("stopped").waitFor();
});

test("a suggestion appears in the editor, and Tab takes it", async () => {
  const { page } = workbench;
  await page.keyboard.press("Control+p");
  await page.locator(".quick-input-widget input").waitFor();
  await page.keyboard.type("numbers.py");
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: "numbers.py" }).waitFor();
  await page.keyboard.press("Enter");
  const lines = page.locator(".monaco-editor[data-uri$='numbers.py'] .view-lines");
  await lines.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type(" 6,");
  const ghost = page.locator(".ghost-text-decoration, .ghost-text").first();
  await ghost.waitFor();
  const suggested = plain(await ghost.textContent());
  await picture(page, "suggestion");
  await page.keyboard.press("Tab");
  await ghost.waitFor({ state: "detached" });
  expect(plain(await lines.textContent())).toContain(`ten = [1, 2, 3, 4, 5, 6,${suggested}`);
});

/** The editor shows spaces that don't break. */
const plain = (text: string | null) => (text ?? "").replaceAll("\u00a0", " ").trimEnd();
