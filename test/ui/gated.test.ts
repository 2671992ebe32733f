/** A model that its owner gives to those only who show a token. */
import { readdir, readFile } from "node:fs/promises";
import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { runCommand } from "../support/chatPanel.js";
import { syntheticModel } from "../support/models.js";
import { type ModelsWorkbench, startModelsWorkbench } from "../support/modelsWorkbench.js";
import { keepFailure, picture } from "../support/workbench.js";

const token = "hf_right";
const names = ["first-IQ4_XS.gguf", "second-IQ4_NL.gguf", "third-Q4_0.gguf"] as const;

let workbench: ModelsWorkbench;
/** Where a token is typed. */
let box: Locator;

beforeAll(async () => {
  const content = await readFile(await syntheticModel("llama-iq4_xs"));
  workbench = await startModelsWorkbench("768MiB", Object.fromEntries(names.map((name) => [name, content])), "");
  const { page, hub } = workbench;
  Object.assign(hub, { gated: true, token });
  box = page.locator(".quick-input-widget", {
    has: page.locator(".quick-input-title", { hasText: "Hugging Face token" }),
  });
  await page.locator(".statusbar", { hasText: "Flint" }).waitFor();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

/** The list of what the repository has. */
async function look(): Promise<void> {
  const { page, row, enter } = workbench;
  await runCommand(page, "Flint: Download & Convert Model");
  await row("Download Model", "Search the Hugging Face Hub").waitFor();
  await page.locator(".quick-input-widget input").fill("owner/model");
  await enter("Download Model", "owner/model");
}

async function download(name: string): Promise<void> {
  await workbench.row("owner/model", name).click();
  await workbench.row(name, "Download only").click();
}

/** Types it when the box is all there: before, what is typed would be lost. */
async function give(text: string): Promise<void> {
  await box.getByText("Flint keeps it in VS Code's secret storage and sends it only to the Hub").waitFor();
  await box.locator("input").fill(text);
  await box.locator("input").press("Enter");
}

/** Nobody but the Hub has seen a token. */
function expectNoneAtCdn(): void {
  expect(workbench.hub.tokens.cdn).toEqual([]);
}

test("a token is asked for, and again where the Hub does not know it", async () => {
  const { page, hub, row, model } = workbench;
  await look();
  await row("owner/model", "IQ4_XS").filter({ hasText: "fit unknown" }).waitFor();
  await row("owner/model", "Set Hugging Face Token").click();
  await give("hf_wrong");
  await box.getByText("The Hub rejected this token.").waitFor();
  await picture(page, "download-token");
  await box.locator("input").fill(token);
  await box.locator("input").press("Enter");
  // Back at the list, which now tells what it could not before.
  await row("owner/model", "IQ4_XS").filter({ hasText: "fits in 768 MiB" }).waitFor();
  await download(names[0]);
  await runCommand(page, "Focus on Models View");
  await model(/^first-IQ4_XS.gguf, ready/).waitFor();
  expect(hub.tokens.hub).toContain(`Bearer ${token}`);
  expectNoneAtCdn();
});

test("it is kept in secret storage, also when the window is loaded again", async () => {
  const { page, row, model, profileFolder } = workbench;
  await page.reload();
  await page.locator(".statusbar", { hasText: "Flint" }).waitFor();
  await look();
  await row("owner/model", "IQ4_NL").filter({ hasText: "fits in 768 MiB" }).waitFor();
  await download(names[1]);
  await runCommand(page, "Focus on Models View");
  await model(/^second-IQ4_NL.gguf, ready/).waitFor();
  expect(await filesWith(profileFolder, token)).toEqual([]);
  expect(await filesWith(workbench.modelsFolder, token)).toEqual([]);
});

test("it is forgotten when it is taken back, and asked for when a download needs it", async () => {
  const { page, row, notification, model } = workbench;
  await runCommand(page, "Flint: Set Hugging Face Token");
  await box.getByText("Leave it empty to remove").waitFor();
  await box.locator("input").press("Enter");
  await notification("The Hugging Face token was removed.").waitFor();
  await look();
  await row("owner/model", "Q4_0").filter({ hasText: "fit unknown" }).waitFor();
  await download(names[2]);
  await notification("Accept its licence on the model's page, then set your token.")
    .getByRole("button", { name: "Set Token" })
    .click();
  await give(token);
  await box.waitFor({ state: "hidden" });
  await runCommand(page, "Focus on Models View");
  await model(/^third-Q4_0.gguf, ready/).waitFor();
  expectNoneAtCdn();
});

/** The files of a folder that hold a text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith(".gguf")) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    if ((await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}
