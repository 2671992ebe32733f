/** A model whose neurons are mostly zero: offered to be converted before its download, converted, used, its source deleted. */
import { readdir, readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { runCommand } from "../support/chatPanel.js";
import { type ModelsWorkbench, startModelsWorkbench } from "../support/modelsWorkbench.js";
import { keepFailure, picture } from "../support/workbench.js";

let workbench: ModelsWorkbench;

beforeAll(async () => {
  const tiny = new URL("../fixtures/flint-tiny-relu2-f16.gguf", import.meta.url);
  workbench = await startModelsWorkbench("320MiB", { "tiny-F16.gguf": await readFile(tiny) });
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

test("a model of squared ReLU is downloaded, converted across a reload and used, and its source deleted after a word", {
  timeout: 15 * 60_000,
}, async () => {
  const { page, panel, modelsFolder, row, enter, notification, model } = workbench;

  await panel.open();
  await runCommand(page, "Flint: Download & Convert Model");
  await row("Download Model", "Search the Hugging Face Hub").waitFor();
  await page.locator(".quick-input-widget input").fill("owner/model");
  await enter("Download Model", "owner/model");
  await row("owner/model", /fits in 320 MiB/).click();
  // What it costs is said before the first byte.
  const convert = row("tiny-F16.gguf", "Download, convert and use").filter({
    hasText:
      /it would not be faster.*\d+ MB to .+models \(.+ free\)\. Conversion needs \d+ MB more disk space, and up to \d+ MiB of memory/,
  });
  await convert.waitFor();
  expect(await readdir(modelsFolder).catch(() => [])).toEqual([]);
  await picture(page, "convert-offer");
  await convert.click();
  await notification(/converting \d+%, (running|fitting)/).waitFor();
  await model(/^tiny-F16.gguf, converting \d+%/).waitFor();
  await picture(page, "convert-progress");
  // It goes on in the next window, once the extension host of this one has ended.
  await page.reload();
  await page.locator(".statusbar", { hasText: "Flint" }).waitFor();
  await runCommand(page, "Focus on Models View");
  const done = notification("tiny-F16.gguf is converted. 64 of 64 test tokens are the same as the original's.");
  // The converter computes for as long as it takes, behind all else that runs: the test's own limit is enough.
  await done.waitFor({ timeout: 0 });
  await model(/^tiny-F16-flash.gguf, in use, converted/).waitFor();
  await picture(page, "converted");
  await done.getByRole("button", { name: /Delete original \(\d+ MB\)/ }).click();
  await model(/^tiny-F16.gguf/).waitFor({ state: "detached" });
  expect((await readdir(modelsFolder)).sort()).toEqual([".flint", "tiny-F16-flash.flash", "tiny-F16-flash.gguf"]);

  // What leaving neurons out costs is said before it is chosen.
  const modes = "Sparsity mode of tiny-F16-flash.gguf";
  await runCommand(page, "Flint: Set Sparsity Mode");
  await row(modes, /Exact.*in use/).waitFor();
  await row(modes, /Predicted.*[+-]\d+\.\d\d% perplexity/).click();
  // The setting is written meanwhile.
  const isInUse = async () => {
    await runCommand(page, "Flint: Set Sparsity Mode");
    await row(modes, /Predicted/).waitFor();
    const inUse = (await row(modes, /Predicted.*in use/).count()) > 0;
    await page.keyboard.press("Escape");
    return inUse;
  };
  await expect.poll(isInUse).toBe(true);
});
