/** From an empty VS Code to a first answer, and what becomes of a download when its window is reloaded. */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { runCommand } from "../support/chatPanel.js";
import { syntheticModel } from "../support/models.js";
import { type ModelsWorkbench, startModelsWorkbench } from "../support/modelsWorkbench.js";
import { keepFailure, picture } from "../support/workbench.js";

const minute = 60_000;
const name = "model-F16.gguf";

let workbench: ModelsWorkbench;
let content: Buffer;

beforeAll(async () => {
  content = await readFile(await syntheticModel("arcee-f16"));
  workbench = await startModelsWorkbench("768MiB", { [name]: content });
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

test("without a model the views say how to get one", async () => {
  const { page, panel } = workbench;
  await panel.open();
  await page.getByRole("button", { name: "Download a Model" }).waitFor();
  await picture(page, "models-empty");
});

test("a models folder that can't be read is told, until it can be", async () => {
  const { page, modelsFolder } = workbench;
  const view = page.locator(".pane", { hasText: "Models" });
  const refresh = async () => {
    await view.hover();
    await view.getByRole("button", { name: "Refresh" }).click();
  };
  // A folder where a file is expected.
  await mkdir(path.join(modelsFolder, ".flint/m-flash.gguf.conversion.json"), { recursive: true });
  await refresh();
  const told = view.getByText("The models folder can't be read");
  await told.waitFor();
  await rm(path.join(modelsFolder, ".flint"), { recursive: true });
  await refresh();
  await told.waitFor({ state: "hidden" });
});

test("from the palette to the starter model and a first answer", async () => {
  const { page, panel, modelsFolder, row, enter, notification, model } = workbench;
  await runCommand(page, "Flint: Download & Convert Model");
  const starter = row("Download Model", "TinyLlama 1.1B Chat");
  // Told from its header alone: nothing is downloaded yet.
  await starter.filter({ hasText: /fits in 768 MiB, about \d/ }).waitFor();
  expect(await readdir(modelsFolder).catch(() => [])).toEqual([]);
  await picture(page, "download-choose");
  await starter.click();
  const quantization = row("TinyLlama 1.1B Chat", "IQ2_XXS");
  await quantization.filter({ hasText: /308 MiB · fits in 768 MiB/ }).waitFor();
  await picture(page, "download-quantization");
  await enter("TinyLlama 1.1B Chat", "IQ2_XXS");
  const use = row("licence: apache-2.0", /Download and use · fits in 768 MiB/);
  await use.filter({ hasText: /323 MB to .+models \(.+ free\)/ }).waitFor();
  await picture(page, "download-confirm");
  await enter("licence: apache-2.0", "Download and use");
  await notification(/of \d+ MiB, \d+(\.\d)? MB\/s/).waitFor();
  await picture(page, "download-progress");
  await notification("is ready.")
    .getByRole("button", { name: "Ask something" })
    .click({ timeout: 4 * minute });
  await model(/^tinyllama.* in use/).waitFor();
  await panel.untilFocused();
  await page.keyboard.type("Answer in one word: what is the capital of France?");
  await page.keyboard.press("Enter");
  // Chat is not greedy, and the model small: that it answers in words is what this is about, and it may go on for ever.
  const answer = panel.answers.last();
  const isThere = async () =>
    (await panel.answerThat("done").count()) > 0 ||
    /(\w+\W+){3}/.test((await answer.locator(".body").textContent()) ?? "");
  await expect.poll(isThere, { timeout: 2 * minute }).toBe(true);
  await panel.endAnswer();
  expect(await answer.textContent()).toMatch(/\w{2,}.*tokens\/s/s);
  await picture(page, "download-answer");
});

test("a download survives a reload of the window", async () => {
  const { page, hub, modelsFolder, row, enter, model } = workbench;
  // After the first bytes, enough to be written, nothing more comes until the fault is over.
  hub.fault = ({ range }) => (range && range.end - range.start > 1 ? { stallAfter: 1_200_000 } : undefined);
  await runCommand(page, "Flint: Download & Convert Model");
  await row("Download Model", "Search the Hugging Face Hub").waitFor();
  await page.locator(".quick-input-widget input").fill("owner/model");
  await enter("Download Model", "owner/model");
  await enter("owner/model", "F16");
  await row(name, "Download only").click();
  await model(/^model-F16.gguf, downloading \d+%/).waitFor();
  await page.reload();
  // A click in the activity bar would close the view if the window has opened it again by then.
  await page.locator(".statusbar", { hasText: "Flint" }).waitFor();
  await runCommand(page, "Focus on Models View");
  // Once the old extension host has ended it is this window's, as its sizes tell.
  await model(/^model-F16.gguf, downloading \d+%, \d+ MiB of/).waitFor();
  await model(/^model-F16/).hover();
  await model(/^model-F16/)
    .getByRole("button", { name: "Pause Download" })
    .click();
  await model(/^model-F16.gguf, paused at \d+%/).waitFor();
  hub.fault = () => undefined;
  await model(/^model-F16/).hover();
  await model(/^model-F16/)
    .getByRole("button", { name: "Resume Download" })
    .click();
  await model(/^model-F16.gguf, ready/).waitFor();
  expect((await readFile(path.join(modelsFolder, name))).equals(content)).toBe(true);
  await picture(page, "models");
});

/** Takes an action of the context menu of `model-F16`, upon which `done` is there. */
async function act(action: string, done: Locator): Promise<void> {
  const { page, model } = workbench;
  const item = page.locator(".context-view .action-item", { hasText: action });
  await model(/^model-F16/).click({ button: "right" });
  // A menu that has only just opened takes no clicks.
  const take = async () => {
    if (await item.isVisible()) await item.click();
    return done.isVisible();
  };
  await expect.poll(take, { timeout: minute, interval: 500 }).toBe(true);
}

test("the path of a model is copied; a file manager is not offered where there is none", async () => {
  const { page, modelsFolder, model } = workbench;
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await model(/^model-F16/).click({ button: "right" });
  const item = (text: string) => page.locator(".context-view .action-item", { hasText: text });
  const copy = item("Copy Path");
  await copy.waitFor();
  expect(await item("Reveal in File Manager").count()).toBe(0);
  const copied = async () => {
    if (await copy.isVisible()) await copy.click();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  await expect.poll(copied, { timeout: minute, interval: 500 }).toBe(path.join(modelsFolder, name));
});

test("a model of its own for suggestions is chosen in the view, and taken back", async () => {
  const { page, model } = workbench;
  const suggests = model(/^model-F16.gguf, in use for suggestions, /);
  await act("Use for Inline Suggestions", suggests);
  await model(/^tinyllama.* in use for chat, /).waitFor();
  await page
    .getByRole("button", { name: /^Flint, tinyllama.*, Suggestions: model-F16, \d+ MiB in memory, ready/ })
    .waitFor();
  await picture(page, "models-suggestions");
  await act("Use the Chat Model for Inline Suggestions", model(/^model-F16.gguf, ready, /));
  await model(/^tinyllama.* in use, /).waitFor();
  await act("Use for Inline Suggestions", suggests);
});

test("a model is deleted after a question, and its disk is free", async () => {
  const { page, modelsFolder, model } = workbench;
  const dialog = page.locator(".monaco-dialog-box");
  await act("Delete Model", dialog);
  await dialog.filter({ hasText: /This frees \d+ MB. The chat model will make the suggestions./ }).waitFor();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await model(/^model-F16/).waitFor({ state: "detached" });
  await model(/^tinyllama.* in use, /).waitFor();
  expect(await readdir(modelsFolder)).not.toContain(name);
});
