/** From an empty VS Code to a model that is ready, with what the window offers. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fetchModel, starters } from "../../scripts/starter-model.mjs";
import { ChatPanel, runCommand } from "../support/chatPanel.js";
import { keepFailure, startWorkbench, type Workbench } from "../support/workbench.js";

let workbench: Workbench;
let panel: ChatPanel;

beforeAll(async () => {
  workbench = await startWorkbench({ settings: { "flint.ramCap": "1GiB" } });
  const { page } = workbench;
  await page.goto(workbench.address());
  panel = new ChatPanel(page);
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

test("without a model there is one sentence and one button", async () => {
  await panel.open();
  const welcome = panel.document.locator(".welcome");
  await welcome.getByText("Flint runs language models on this machine, within the RAM cap that you set.").waitFor();
  expect(await welcome.getByRole("button").count()).toBe(1);
});

test("the button offers models, and a file that is chosen instead becomes the model", async () => {
  const { page } = workbench;
  await panel.document.locator(".welcome").getByRole("button", { name: "Choose a model" }).click();
  await page.locator(".quick-input-list .monaco-list-row", { hasText: "A file on this machine" }).click();
  const dialog = page.locator(".quick-input-widget");
  await dialog.getByText("Choose a model").waitFor();
  const file = dialog.locator("input").first();
  // It begins with the open folder, a moment after it is there.
  await expect.poll(() => file.inputValue()).toBe(`${workbench.folder}/`);
  await dialog.locator(".monaco-list-row", { hasText: ".." }).first().waitFor();
  await file.fill(await fetchModel(starters.inline));
  await dialog.locator(".monaco-list-row", { hasText: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf" }).waitFor();
  // While it still looks at what was typed, the dialog takes no Enter.
  const accept = async () => {
    if (!(await dialog.isVisible())) return true;
    await page.keyboard.press("Enter");
    return false;
  };
  await expect.poll(accept, { timeout: 120_000, interval: 2000 }).toBe(true);
  await panel.document.getByText(/^Fits in 1\.0 GiB, about \d+(\.\d)? tokens\/s$/).waitFor();
  await panel.button("Model: qwen2.5-coder-0.5b-instruct-q4_k_m. Choose another").waitFor();
});

async function openWalkthrough(): Promise<void> {
  const { page } = workbench;
  await runCommand(page, "Welcome: Open Walkthrough...");
  await page.locator(".quick-input-widget input").waitFor();
  await page.keyboard.type("Get started with Flint");
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: "Get started with Flint" }).waitFor();
  await page.keyboard.press("Enter");
}

test("the walkthrough shows its steps, and ticks those only that were done", async () => {
  const { page } = workbench;
  const steps = page.locator(".getting-started-step .step-title");
  const done = page.locator(".getting-started-step:has([role=checkbox][aria-checked=true]) .step-title");
  await openWalkthrough();
  await expect
    .poll(() => steps.allTextContents())
    .toEqual(["Download a model", "Choose a model", "Set the RAM cap", "Ask something"]);
  expect((await page.locator(".getting-started-step").allTextContents()).join()).not.toContain("`");
  // The chat was opened, and nothing was asked. (What was true before VS Code knew the walkthrough, it does not tick.)
  expect(await done.allTextContents()).not.toContain("Ask something");
  // It shows pictures in a page of its own, which would be taken for the chat's.
  await page
    .locator(".tab", { hasText: "Welcome" })
    .getByLabel(/^Close/)
    .click();
  await steps.first().waitFor({ state: "detached" });
  await panel.ask("Say yes.");
  await panel.button("Stop").waitFor();
  await openWalkthrough();
  await expect.poll(() => done.allTextContents()).toContain("Ask something");
});
