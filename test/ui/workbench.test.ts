/** A person's path through the packaged extension, in one window from start to end. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
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

/**
 * Records how an answer grows while it is being written, from now on.
 * @returns a function that gives the lengths seen, in characters
 */
async function recordGrowth(): Promise<() => Promise<number[]>> {
  const body = panel().locator("body");
  await body.evaluate((element) => {
    const lengths: number[] = [];
    new MutationObserver(() => {
      const answer = element.querySelector("[data-role=assistant][data-state=streaming]");
      lengths.push(answer?.textContent?.length ?? 0);
      element.dataset["lengths"] = JSON.stringify(lengths);
    }).observe(element, { subtree: true, childList: true, characterData: true });
  });
  return async () => JSON.parse((await body.getAttribute("data-lengths")) ?? "[]");
}

/** Waits until there are some lines of text, and returns them. */
async function beginning(locator: Locator, lines = 1): Promise<string> {
  let text = "";
  const count = async () => {
    text = (await locator.textContent()) ?? "";
    return text.split("\n").filter((line) => line.trim() !== "").length;
  };
  await expect.poll(count, { timeout: 2 * minute, interval: 50 }).toBeGreaterThanOrEqual(lines);
  return text;
}

/** To be answered at length. */
const longQuestion = "Tell me a long story about a dragon who learns to write programs.";

/**
 * Has something asked and its answer stopped; again where the model had so little to say that it was done before.
 * @returns how the answer began
 */
async function askAndStop(ask: () => Promise<void>, stop: () => Promise<void>): Promise<string> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const answer = answers().nth(await answers().count());
    await ask();
    const said = await beginning(answer.locator("p, li").first());
    const state = (name: string) => answer.and(panel().locator(`[data-state=${name}]`)).waitFor();
    const stopped = Promise.all([stop(), state("stopped")]).then(() => true);
    // Whichever of the two does not happen fails some time later, which is of no interest any more.
    stopped.catch(() => undefined);
    const done = state("done").then(() => false);
    done.catch(() => undefined);
    if (await Promise.race([stopped, done])) {
      expect(await answer.textContent()).toContain(said);
      return said;
    }
  }
  throw new Error("No answer was long enough to be stopped.");
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
  const growth = await recordGrowth();
  await workbench.page.keyboard.type("Answer in one word: what is the capital of France?");
  await panel().getByRole("button", { name: "Send" }).click();
  await answerThat("done").waitFor();
  expect(await answerThat("done").textContent()).toContain("Paris");
  expect(new Set((await growth()).filter((length) => length > 0)).size).toBeGreaterThan(1);
  await panel().getByRole("button", { name: "Send" }).waitFor();
  expect(await panel().getByRole("button", { name: "Stop" }).count()).toBe(0);
});

test("an answer can be stopped, and what was said stays", async () => {
  await askAndStop(
    async () => {
      await input().fill(longQuestion);
      await panel().getByRole("button", { name: "Send" }).click();
    },
    () => panel().getByRole("button", { name: "Stop" }).click(),
  );
  await panel().getByRole("button", { name: "Send" }).waitFor();
});

test("the conversation survives a reload of the window", async () => {
  const before = await answers().allTextContents();
  const questions = await panel().locator("[data-role=user]").allTextContents();
  expect(questions.length).toBeGreaterThanOrEqual(2);
  await workbench.page.reload();
  await openPanel();
  await answerThat("stopped").waitFor();
  expect(await answers().allTextContents()).toEqual(before);
  expect(await panel().locator("[data-role=user]").allTextContents()).toEqual(questions);
});

test("a question can be asked and stopped with the keyboard alone", async () => {
  const { page } = workbench;
  await runCommand("Flint: New Chat");
  await expect.poll(() => answers().count()).toBe(0);
  await expect.poll(() => input().evaluate((element) => element === document.activeElement)).toBe(true);
  await askAndStop(
    async () => {
      await page.keyboard.type(longQuestion);
      await page.keyboard.press("Enter");
    },
    () => page.keyboard.press("Escape"),
  );
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
  const pieces = page.locator(".ghost-text-decoration, .ghost-text");
  const ghost = pieces.first();
  // A busy machine may have nothing to suggest in the time that a suggestion may take: then the comma is typed again.
  const typeAgain = async () => {
    if (await ghost.isVisible()) return true;
    await page.keyboard.press("Backspace");
    await page.keyboard.type(",");
    return false;
  };
  await expect.poll(typeAgain, { timeout: 3 * minute, interval: 8000 }).toBe(true);
  const suggested = (await pieces.allTextContents()).map(plain);
  await picture(page, "suggestion");
  await page.keyboard.press("Tab");
  await ghost.waitFor({ state: "detached" });
  await page.keyboard.press("Control+s");
  const saved = () => readFile(path.join(workbench.folder, "numbers.py"), "utf8");
  await expect.poll(saved).toMatch(/^ten = \[1, 2, 3, 4, 5, 6,./);
  const text = await saved();
  expect(suggested.filter((piece) => !text.includes(piece))).toEqual([]);
});

// Only for the documentation: whether there is code in an answer is up to the model.
test.runIf(process.env["FLINT_UPDATE_PICTURES"])("a picture of an answer with code", { retry: 3 }, async () => {
  await runCommand("Flint: New Chat");
  await input().fill("Write a Python function that adds two numbers. Use a code block.");
  await workbench.page.keyboard.press("Enter");
  await beginning(answerThat("streaming").locator("pre code.hljs").first(), 4);
  await workbench.page.keyboard.press("Escape");
  await answerThat("stopped").waitFor();
  await picture(workbench.page, "answer");
});

/** The editor shows spaces that don't break. */
const plain = (text: string) => text.replaceAll("\u00a0", " ").trim();
