/** VS Code's own agent, signed out, with the chat model that Flint starts with: it is asked for a change, and makes it. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fetchModel, starters } from "../../scripts/starter-model.mjs";
import { runCommand } from "../support/chatPanel.js";
import { keepFailure, picture, startWorkbench, type Workbench } from "../support/workbench.js";

let workbench: Workbench;
let chat: Locator;

beforeAll(async () => {
  workbench = await startWorkbench({
    vscodeChat: true,
    settings: { "flint.model": await fetchModel(starters.chat), "flint.ramCap": "4GiB" },
    files: { "README.md": "# Numbers\n\nSums and means.\n" },
  });
  const { page } = workbench;
  await page.goto(workbench.address());
  await page.locator(".statusbar", { hasText: "Flint" }).waitFor();
  chat = page.locator(".interactive-session");
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

test("the agent makes a file", async () => {
  const { page } = workbench;
  await runCommand(page, "Flint: Add Models to VS Code's Chat");
  const list = page.locator(".models-widget");
  await list.getByText("Qwen").first().waitFor();
  await page.keyboard.press("Escape");
  await list.waitFor({ state: "hidden" });
  await page.getByText("Set BYOK utility models").first().waitFor();
  await picture(page, "agent-before");
  const input = chat.locator(".interactive-input-part .monaco-editor").locator("textarea, .native-edit-context");
  await input.first().focus();
  await page.keyboard.type("Create the file greet.py with a function greet(name) that returns Hello and the name.");
  await page.keyboard.press("Enter");
  const file = path.join(workbench.folder, "greet.py");
  const begin = performance.now();
  for (let i = 0; i < 50; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const text = await readFile(file, "utf8").catch(() => "");
    console.log(Math.round((performance.now() - begin) / 1000), JSON.stringify(text), JSON.stringify((await chat.locator(".interactive-response").last().innerText().catch(() => "")).slice(-300)));
    if (i % 6 === 0) await picture(page, `agent-${i}`);
    if (text.includes("def greet")) break;
  }
  await picture(page, "agent-after");
  expect(await readFile(file, "utf8")).toContain("def greet");
}, 590_000);
