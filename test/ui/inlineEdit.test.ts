/** An edit of the selected lines, by the keyboard alone: its keys, another try, one step to undo, an end in the middle. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openFile } from "../support/chatPanel.js";
import { startScriptedWorkbench } from "../support/scriptedWorkbench.js";
import { keepFailure, type Workbench } from "../support/workbench.js";

const source = "const one = 1;\nconst two = 2;\n";

let workbench: Workbench;

beforeAll(async () => {
  workbench = await startScriptedWorkbench({ files: { "numbers.ts": source } });
  const { page } = workbench;
  await page.goto(workbench.address());
  const lines = await openFile(page, "numbers.ts");
  await lines.getByText("two").first().click();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

const preview = () => workbench.page.locator(".monaco-diff-editor");
/** What is written in place of the lines. */
const proposed = () => preview().locator(".editor.modified .view-lines");
const stored = () => readFile(path.join(workbench.folder, "numbers.ts"), "utf8");
async function saved(): Promise<string> {
  await workbench.page.keyboard.press("Control+s");
  return stored();
}

async function edit(instruction: string): Promise<void> {
  const { page } = workbench;
  await page.keyboard.press("Control+i");
  const input = page.locator(".quick-input-widget input");
  await input.fill(instruction);
  await input.press("Enter");
}

test("a key opens it, it is tried again, and another key accepts it: one step to undo", async () => {
  const { page } = workbench;
  await edit("count // answer");
  await proposed().getByText("// answer 1").waitFor();
  await page.getByRole("button", { name: "Retry Edit" }).click();
  await proposed().getByText("// answer 2").waitFor();
  expect(await stored()).toBe(source);
  await page.getByRole("button", { name: "Accept Edit" }).waitFor();
  await proposed().getByText("// answer 2").click();
  await page.keyboard.press("Control+Enter");
  await preview().waitFor({ state: "detached" });
  await expect.poll(saved, { interval: 500 }).toBe("const one = 1;\n// answer 2\n");
  await page.keyboard.press("Control+z");
  await expect.poll(saved, { interval: 500 }).toBe(source);
});

test("Escape stops it, and then rejects it", async () => {
  const { page } = workbench;
  await edit("hold // half");
  await proposed().getByText("// half").waitFor();
  await page.getByRole("button", { name: "Stop Edit" }).waitFor();
  await proposed().getByText("// half").click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Accept Edit" }).waitFor();
  await page.keyboard.press("Escape");
  await preview().waitFor({ state: "detached" });
  expect(await stored()).toBe(source);
});
