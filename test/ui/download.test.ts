/** From an empty VS Code to a first answer, and what becomes of a download when its window is reloaded. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { syntheticModel } from "../engine/support/models.js";
import { ChatPanel, runCommand } from "../harness/chatPanel.js";
import { type HubServer, startHubServer } from "../harness/hubServer.js";
import { keepFailure, picture, startWorkbench, type Workbench } from "../harness/workbench.js";

const minute = 60_000;
const name = "model-F16.gguf";

let workbench: Workbench;
let panel: ChatPanel;
let hub: HubServer;
let home: string;
let content: Buffer;

beforeAll(async () => {
  content = await readFile(await syntheticModel("arcee-f16"));
  hub = await startHubServer({ [name]: content });
  home = await mkdtemp(path.join(tmpdir(), "flint-models-"));
  const elsewhere = path.join(home, "none");
  workbench = await startWorkbench({
    settings: { "flint.ramCap": "768MiB", "flint.modelsFolder": path.join(home, "models") },
    env: {
      HF_ENDPOINT: hub.endpoint,
      HF_TOKEN: "secret",
      // Models of this machine's other programs are not looked for.
      ...{ LLAMA_CACHE: elsewhere, OLLAMA_MODELS: elsewhere, HF_HUB_CACHE: elsewhere, XDG_DATA_HOME: elsewhere },
    },
  });
  const { page } = workbench;
  page.setDefaultTimeout(2 * minute);
  await page.goto(workbench.address());
  panel = new ChatPanel(page);
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(async () => {
  await workbench?.close();
  await hub?.close();
  await rm(home, { recursive: true, force: true });
});

const list = () => workbench.page.locator(".quick-input-list .monaco-list-row");
const input = () => workbench.page.locator(".quick-input-widget input");
const notification = (text: string | RegExp) =>
  workbench.page.locator(".notification-list-item", { hasText: text }).last();
const model = (text: string | RegExp) =>
  workbench.page.locator(".pane", { hasText: "Models" }).getByRole("treeitem", { name: text });

async function openFlint(): Promise<void> {
  await panel.open();
  await workbench.page.locator(".pane", { hasText: "Models" }).waitFor();
}

test("without a model the views say how to get one", async () => {
  await openFlint();
  await workbench.page.getByRole("button", { name: "Download a Model" }).waitFor();
  await picture(workbench.page, "models-empty");
});

test("from the palette to the starter model and a first answer", async () => {
  const { page } = workbench;
  await runCommand(page, "Flint: Download & Convert Model");
  const starter = list().filter({ hasText: "TinyLlama 1.1B Chat" });
  // Told from its header alone: nothing is downloaded yet.
  await starter.filter({ hasText: /fits in 768 MiB, about \d/ }).waitFor();
  expect(await readdir(path.join(home, "models")).catch(() => [])).toEqual([]);
  await picture(page, "download-choose");
  await starter.click();
  const quantization = list().filter({ hasText: "IQ2_XXS" });
  await quantization.filter({ hasText: /308 MiB · fits in 768 MiB/ }).waitFor();
  await picture(page, "download-quantization");
  await page.keyboard.press("Enter");
  const use = list().filter({ hasText: /Download and use · fits in 768 MiB/ });
  await use.filter({ hasText: /323 MB to .+models \(.+ free\)/ }).waitFor();
  await page.locator(".quick-input-title", { hasText: "licence: apache-2.0" }).waitFor();
  await picture(page, "download-confirm");
  await page.keyboard.press("Enter");
  await notification(/of \d+ MiB, \d+(\.\d)? MB\/s/).waitFor();
  await picture(page, "download-progress");
  await notification("is ready.")
    .getByRole("button", { name: "Ask something" })
    .click({ timeout: 4 * minute });
  await model(/^tinyllama.* in use/).waitFor();
  await expect.poll(() => panel.input.evaluate((element) => element === document.activeElement)).toBe(true);
  await page.keyboard.type("Answer in one word: what is the capital of France?");
  await page.keyboard.press("Enter");
  await panel.answerThat("done").waitFor();
  // Chat is not greedy, and the model small: that it answers in words is what this is about.
  expect(await panel.answerThat("done").textContent()).toMatch(/\w{3,}.*tokens\/s/s);
  await picture(page, "download-answer");
});

test("a download survives a reload of the window", async () => {
  const { page } = workbench;
  await openFlint();
  // After the first bytes, enough to be written, nothing more comes until the fault is over.
  hub.fault = ({ range }) => (range && range.end - range.start > 1 ? { stallAfter: 1_200_000 } : undefined);
  await runCommand(page, "Flint: Download & Convert Model");
  // Not in the box that the command was typed in.
  await page.locator(".quick-input-title", { hasText: "Download Model" }).waitFor();
  await input().fill("owner/model");
  await list().filter({ hasText: "Search the Hub for “owner/model”" }).waitFor();
  await page.keyboard.press("Enter");
  await list().filter({ hasText: "F16" }).waitFor();
  await page.keyboard.press("Enter");
  await list().filter({ hasText: "Download only" }).click();
  await model(/^model-F16.gguf, \d+%/).waitFor();
  await page.reload();
  // A click in the activity bar would close the view if the window has opened it again by then.
  await page.locator(".statusbar", { hasText: "Flint" }).waitFor();
  await runCommand(page, "Focus on Models View");
  // Once the old extension host has ended it is this window's, as its sizes tell.
  await model(/^model-F16.gguf, \d+%, \d+ MiB of/).waitFor();
  await model(/^model-F16/).hover();
  await model(/^model-F16/)
    .getByRole("button", { name: "Pause Download" })
    .click();
  await model(/^model-F16.gguf, \d+%, paused/).waitFor();
  hub.fault = () => undefined;
  await model(/^model-F16/).hover();
  await model(/^model-F16/)
    .getByRole("button", { name: "Resume Download" })
    .click();
  await model(/^model-F16.gguf, ready/).waitFor();
  expect((await readFile(path.join(home, "models", name))).equals(content)).toBe(true);
  await picture(page, "models");
});

test("a model is deleted after a question, and its disk is free", async () => {
  const { page } = workbench;
  await model(/^model-F16/).click({ button: "right" });
  const remove = page.locator(".context-view .action-item", { hasText: "Delete Model" });
  const dialog = page.locator(".monaco-dialog-box");
  // A menu that has only just opened takes no clicks.
  const ask = async () => {
    if (await remove.isVisible()) await remove.click();
    return dialog.isVisible();
  };
  await expect.poll(ask, { timeout: minute, interval: 500 }).toBe(true);
  await dialog.filter({ hasText: /This frees \d+ MB/ }).waitFor();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await model(/^model-F16/).waitFor({ state: "detached" });
  expect(await readdir(path.join(home, "models"))).not.toContain(name);
});
