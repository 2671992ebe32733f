/** A person's path through the packaged extension, in one window from start to end. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fetchModel, starters } from "../../scripts/starter-model.mjs";
import { beginning, ChatPanel, openFile, runCommand } from "../support/chatPanel.js";
import { keepFailure, picture, startWorkbench, type Workbench } from "../support/workbench.js";

const minute = 60_000;
/** To be answered at length. */
const longQuestion = "Tell me a long story about a dragon who learns to write programs.";

let workbench: Workbench;
let panel: ChatPanel;

beforeAll(async () => {
  workbench = await startWorkbench({
    settings: { "flint.model": await fetchModel(starters.inline), "flint.ramCap": "1GiB" },
    files: { "numbers.py": "ten = [1, 2, 3, 4, 5," },
  });
  const { page } = workbench;
  await page.goto(workbench.address());
  await page.locator(".monaco-workbench").waitFor();
  panel = new ChatPanel(page);
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

/**
 * Records how an answer grows while it is being written, from now on.
 * @returns a function that gives the lengths seen, in characters
 */
async function recordGrowth(): Promise<() => Promise<number[]>> {
  const body = panel.document.locator("body");
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

test("the panel opens from the activity bar", async () => {
  await panel.open();
  await panel.button("Send").waitFor();
});

test("an answer appears while it is being written", async () => {
  await panel.input.click();
  const growth = await recordGrowth();
  await workbench.page.keyboard.type(longQuestion);
  await panel.button("Send").click();
  await expect.poll(async () => new Set(await growth()).size, { timeout: 2 * minute }).toBeGreaterThan(3);
  await panel.endAnswer();
  expect(await panel.answers.last().locator(".body").textContent()).toMatch(/\w/);
  expect(await panel.button("Stop").count()).toBe(0);
});

test("an answer can be stopped, and what was said stays", async () => {
  await panel.askAndStop(
    () => panel.ask(longQuestion),
    () => panel.button("Stop").click({ timeout: 20_000 }),
  );
  await panel.button("Send").waitFor();
});

test("the conversation survives a reload of the window", async () => {
  const answers = await panel.answers.allTextContents();
  const questions = await panel.questions.allTextContents();
  expect(questions.length).toBeGreaterThanOrEqual(2);
  await panel.reload();
  await panel.answerThat("stopped").waitFor();
  expect(await panel.answers.allTextContents()).toEqual(answers);
  expect(await panel.questions.allTextContents()).toEqual(questions);
});

test("a question can be asked and stopped with the keyboard alone", async () => {
  const { page } = workbench;
  await runCommand(page, "Flint: New Chat");
  await expect.poll(() => panel.answers.count()).toBe(0);
  await panel.untilFocused();
  await panel.askAndStop(
    async () => {
      await page.keyboard.type(longQuestion);
      await page.keyboard.press("Enter");
    },
    () => page.keyboard.press("Escape"),
  );
});

test("a suggestion appears in the editor, and Tab takes it", async () => {
  const { page } = workbench;
  const lines = await openFile(page, "numbers.py");
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
  // What was suggested need not go away: the next suggestion may take its place.
  const missing = async () => {
    await page.keyboard.press("Control+s");
    const text = await readFile(path.join(workbench.folder, "numbers.py"), "utf8");
    return text.startsWith("ten = [1, 2, 3, 4, 5, 6,") ? suggested.filter((piece) => !text.includes(piece)) : text;
  };
  await expect.poll(missing, { timeout: minute, interval: 1000 }).toEqual([]);
});

test("the empty chat says whether the model fits, and offers questions about the open file", async () => {
  await runCommand(workbench.page, "Flint: New Chat");
  await panel.document.getByText(/^Fits in 1\.0 GiB, about \d+(\.\d)? tokens\/s$/).waitFor();
  await panel.button("Explain numbers.py").click();
  expect(await panel.input.inputValue()).toBe("Explain what this code does.");
  await panel.button("Ask about numbers.py").and(panel.document.locator("[aria-pressed=true]")).waitFor();
  await picture(workbench.page, "ask");
  await panel.button("Send").click();
  const question = panel.questions.last();
  expect(await question.locator("summary").textContent()).toBe("numbers.py");
  expect(await question.locator("pre").textContent()).toContain("ten = [1, 2, 3, 4, 5, 6,");
  expect(await question.locator(".attachment p").textContent()).toMatch(/^\d+ tokens$/);
  await panel.endAnswer();
});

test("a question can be changed and sent again, or deleted with its answer", async () => {
  const question = panel.questions.last();
  await question.hover();
  await question.getByRole("button", { name: "Edit question" }).click();
  const notice = panel.document.getByText("Sending this replaces the question and everything after it.");
  await notice.waitFor();
  expect(await panel.input.inputValue()).toBe("Explain what this code does.");
  await panel.input.fill("Say yes.");
  await panel.button("Send").click();
  await expect
    .poll(() => panel.questions.locator(".body").allInnerTexts())
    .toEqual([expect.stringMatching(/^Say yes\./)]);
  await notice.waitFor({ state: "hidden" });
  await panel.endAnswer();
  await question.hover();
  await question.getByRole("button", { name: "Delete question and answer" }).click();
  await expect.poll(() => panel.questions.count()).toBe(0);
  expect(await panel.answers.count()).toBe(0);
});

// Only for the documentation: whether there is code in an answer is up to the model.
test.runIf(process.env["FLINT_UPDATE_PICTURES"])("a picture of an answer with code", { retry: 3 }, async () => {
  await runCommand(workbench.page, "Flint: New Chat");
  await panel.ask("Write a Python function that adds two numbers. Use a code block.");
  await beginning(panel.answerThat("streaming").locator("pre code.hljs").first(), 4);
  await workbench.page.keyboard.press("Escape");
  await panel.answerThat("stopped").waitFor();
  await picture(workbench.page, "answer");
});

/** The editor shows spaces that don't break. */
const plain = (text: string) => text.replaceAll("\u00a0", " ").trim();
