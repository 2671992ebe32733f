/**
 * VS Code's own agent, signed out, with the chat model that Flint starts with: it is asked for a file, and makes it. Its prompt
 * of 17,000 tokens takes a machine of two cores seven minutes or more.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fetchModel, starters } from "../../scripts/starter-model.mjs";
import { runCommand } from "../support/chatPanel.js";
import { keepFailure, picture, startWorkbench, type Workbench } from "../support/workbench.js";

const longestMs = 25 * 60_000;

let workbench: Workbench;

beforeAll(async () => {
  workbench = await startWorkbench({
    vscodeChat: true,
    settings: { "flint.model": await fetchModel(starters.chat), "flint.ramCap": "4GiB" },
    files: { "README.md": "# Numbers\n\nSums and means.\n" },
  });
  const { page } = workbench;
  await page.goto(workbench.address());
  await page.locator(".statusbar", { hasText: "Flint" }).waitFor();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

test("the agent makes a file", { timeout: longestMs + 60_000 }, async () => {
  const { page, folder } = workbench;
  await runCommand(page, "Flint: Add Models to VS Code's Chat");
  const list = page.locator(".models-widget");
  await list.getByText("Qwen").first().waitFor();
  await page.keyboard.press("Escape");
  await list.waitFor({ state: "hidden" });
  await page.getByText("Set BYOK utility models").first().waitFor();
  const input = page.locator(".interactive-input-part .monaco-editor").locator("textarea, .native-edit-context");
  await input.first().focus();
  await page.keyboard.type("Create the file greet.py with a function greet(name) that returns Hello and the name.");
  await page.keyboard.press("Enter");
  const file = path.join(folder, "greet.py");
  await expect
    .poll(() => readFile(file, "utf8").catch(() => ""), { timeout: longestMs, interval: 2_000 })
    .toContain("def greet");
  await picture(page, "walk-vscode-agent");
});
