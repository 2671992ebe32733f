/** A person attaches context, uses a command and has a commit message written, in one window. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fetchModel, starters } from "../../scripts/starter-model.mjs";
import { ChatPanel, openFile, writeCommitMessage } from "../support/chatPanel.js";
import { keepFailure, picture, startWorkbench, type Workbench } from "../support/workbench.js";

let workbench: Workbench;
let panel: ChatPanel;

beforeAll(async () => {
  workbench = await startWorkbench({
    settings: { "flint.model": await fetchModel(starters.inline), "flint.ramCap": "1GiB", "flint.contextSize": 2048 },
    files: {
      "numbers.py": "def total(numbers):\n    return sum(numbers) + 1\n",
      "broken.json": '{ "name": "broken", }\n',
      "notes.txt": "a",
    },
  });
  const git = (...args: string[]) => promisify(execFile)("git", args, { cwd: workbench.folder });
  await git("init");
  await git("add", "numbers.py");
  const { page } = workbench;
  await page.goto(workbench.address());
  await page.locator(".monaco-workbench").waitFor();
  panel = new ChatPanel(page);
  await panel.open();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

const meter = () => panel.document.locator(".meter");
/** How many tokens the meter tells. */
async function promptTokens(): Promise<number> {
  const text = (await meter().textContent()) ?? "";
  const tokens = /^([\d,]+) of 2,048 tokens\b/.exec(text)?.[1];
  return tokens === undefined ? 0 : Number(tokens.replaceAll(",", ""));
}

test("a file is attached with @, and its tokens are counted before it is sent", async () => {
  const { page } = workbench;
  await expect.poll(promptTokens).toBeGreaterThan(50);
  const before = await promptTokens();
  await panel.input.click();
  await page.keyboard.type("Is this right? @");
  const list = page.locator(".quick-input-widget", { hasText: "Add Context" });
  await list.locator("input").fill("nmbrs");
  await list.locator(".monaco-list-row.focused", { hasText: "numbers.py" }).waitFor();
  await page.keyboard.press("Enter");
  await panel.document.getByRole("button", { name: /^Remove numbers\.py · \d+ tokens$/ }).waitFor();
  expect(await panel.input.inputValue()).toBe("Is this right? ");
  await expect.poll(promptTokens).toBeGreaterThan(before + 15);
  await picture(page, "context");
});

test("a file that is dropped from the explorer is attached", async () => {
  await panel.dropFile(workbench, "notes.txt");
  const remove = panel.document.getByRole("button", { name: /^Remove notes\.txt · \d+ tokens?$/ });
  await remove.click();
  await remove.waitFor({ state: "detached" });
});

test("a chip is removed with the mouse and with the keyboard", async () => {
  const { page } = workbench;
  const add = async (name: string) => {
    await panel.button("Add context").click();
    const list = page.locator(".quick-input-widget", { hasText: "Add Context" });
    await list.locator("input").fill(name);
    await list.locator(".monaco-list-row.focused", { hasText: name }).waitFor();
    await page.keyboard.press("Enter");
  };
  const remove = panel.document.getByRole("button", { name: /^Remove notes\.txt/ });
  await add("notes.txt");
  await remove.click();
  await remove.waitFor({ state: "detached" });
  await add("notes.txt");
  await remove.focus();
  await page.keyboard.press("Delete");
  await remove.waitFor({ state: "detached" });
  await panel.document.getByRole("button", { name: /^Remove numbers\.py/ }).waitFor();
});

test("what is attached goes with the question", async () => {
  await panel.button("Send").click();
  await panel.answers.last().waitFor();
  await panel.endAnswer();
  expect(await panel.questions.last().locator("summary").textContent()).toBe("numbers.py");
  expect(await panel.document.getByRole("button", { name: /^Remove/ }).count()).toBe(0);
});

test("/fix is completed, and attaches the open file and its problems", async () => {
  const { page } = workbench;
  await openFile(page, "broken.json");
  await page.locator(".monaco-editor .squiggly-error").first().waitFor();
  await panel.input.click();
  await page.keyboard.type("/fi");
  const option = panel.document.getByRole("option", { name: /^\/fix/ });
  await option.and(panel.document.locator("[aria-selected=true]")).waitFor();
  await page.keyboard.press("Enter");
  expect(await panel.input.inputValue()).toBe("/fix ");
  await panel.document.getByRole("button", { name: /^Remove Problems in broken\.json · \d+ tokens$/ }).waitFor();
  await panel.button("Ask about broken.json").and(panel.document.locator("[aria-pressed=true]")).waitFor();
  await page.keyboard.press("Enter");
  await expect
    .poll(() => panel.questions.last().locator("summary").allTextContents())
    .toEqual(["broken.json", "Problems in broken.json"]);
  await panel.endAnswer();
});

test("a commit message is written from what is staged", async () => {
  const { page } = workbench;
  const box = await writeCommitMessage(page);
  await expect.poll(async () => ((await box.textContent()) ?? "").trim().length).toBeGreaterThan(3);
});
