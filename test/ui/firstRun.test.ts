/** From an empty VS Code to a model that is ready, with what the window offers. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { starterModel } from "../../scripts/starter-model.mjs";
import { ChatPanel, runCommand } from "../harness/chatPanel.js";
import { keepFailure, startWorkbench, type Workbench } from "../harness/workbench.js";

let workbench: Workbench;
let panel: ChatPanel;

beforeAll(async () => {
  workbench = await startWorkbench({ settings: { "flint.ramCap": "768MiB" } });
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
  await file.fill(await starterModel());
  await dialog.locator(".monaco-list-row", { hasText: "tinyllama-1.1b-chat-iq2_xxs.gguf" }).waitFor();
  // While it still looks at what was typed, the dialog takes no Enter.
  const accept = async () => {
    if (!(await dialog.isVisible())) return true;
    await page.keyboard.press("Enter");
    return false;
  };
  await expect.poll(accept, { timeout: 120_000, interval: 2000 }).toBe(true);
  await panel.document.getByText(/^Fits in 768 MiB, about \d+(\.\d)? tokens\/s$/).waitFor();
  await panel.button("Model: tinyllama-1.1b-chat-iq2_xxs. Choose another").waitFor();
});

test("the walkthrough shows its three steps", async () => {
  const { page } = workbench;
  await runCommand(page, "Welcome: Open Walkthrough...");
  const filter = page.locator(".quick-input-widget input");
  await filter.waitFor();
  await page.keyboard.type("Get started with Flint");
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: "Get started with Flint" }).waitFor();
  await page.keyboard.press("Enter");
  const steps = page.locator(".getting-started-step .step-title");
  await expect.poll(() => steps.allTextContents()).toEqual(["Choose a model", "Set the RAM cap", "Ask something"]);
});
