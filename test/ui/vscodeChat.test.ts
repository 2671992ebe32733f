/**
 * VS Code's own chat, signed out: Flint's model is picked, answers, edits a file as an agent, and is stopped. The answers are
 * scripted.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { runCommand } from "../support/chatPanel.js";
import { startScriptedWorkbench } from "../support/scriptedWorkbench.js";
import { keepFailure, picture, type Workbench } from "../support/workbench.js";

let workbench: Workbench;
let models: string;
let chat: Locator;

beforeAll(async () => {
  models = await mkdtemp(path.join(tmpdir(), "flint-models-"));
  const model = path.join(models, "scripted.gguf");
  await writeFile(model, "scripted");
  workbench = await startScriptedWorkbench({ vscodeChat: true, settings: { "flint.model": model } });
  const { page } = workbench;
  await page.goto(workbench.address());
  await page.locator(".statusbar", { hasText: "Flint" }).waitFor();
  chat = page.locator(".interactive-session");
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(async () => {
  await workbench?.close();
  if (models) await rm(models, { recursive: true, force: true });
});

async function ask(question: string): Promise<void> {
  // A notice may lie over it.
  await chat
    .locator(".interactive-input-part .monaco-editor")
    .locator("textarea, .native-edit-context")
    .first()
    .focus();
  await workbench.page.keyboard.type(question);
  await workbench.page.keyboard.press("Enter");
}
const answer = () => chat.locator(".interactive-response").last();

test("the models are added to it, and one is picked", async () => {
  const { page } = workbench;
  await runCommand(page, "Flint: Add Models to VS Code's Chat");
  const list = page.locator(".models-widget");
  await list.getByText("Scripted").first().waitFor();
  await list.locator("input, textarea").first().focus();
  await picture(page, "vscode-models");
  await page.keyboard.press("Escape");
  await list.waitFor({ state: "hidden" });
  await chat.getByText("Scripted").first().waitFor();
  // What answers there is awake once it has seen that there are models of others.
  await page.getByText("Set BYOK utility models").first().waitFor();
});

test("it answers", async () => {
  await ask("say Hello there");
  await answer().getByText("Hello there").waitFor();
});

test("an agent makes a file with it", async () => {
  const file = path.join(workbench.folder, "made.txt");
  await ask(`call create_file ${JSON.stringify({ filePath: file, content: "made by an agent" })}`);
  await answer().getByText("Done.").waitFor();
  await expect.poll(() => readFile(file, "utf8").catch(() => "")).toContain("made by an agent");
  await picture(workbench.page, "vscode-agent");
});

test("it is stopped, and then answers again", async () => {
  await ask("words 100000");
  await answer().getByText("word12.").waitFor();
  await workbench.page.keyboard.press("Control+Escape");
  await ask("say Again");
  await answer().getByText("Again").waitFor();
});
