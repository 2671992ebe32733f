/** A model whose neurons are mostly zero: offered to be converted before its download, converted, used, its source deleted. */
import { readdir, readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { runCommand } from "../harness/chatPanel.js";
import { type ModelsWorkbench, startModelsWorkbench } from "../harness/modelsWorkbench.js";
import { keepFailure, picture } from "../harness/workbench.js";

let workbench: ModelsWorkbench;

beforeAll(async () => {
  const tiny = new URL("../models/flint-tiny-relu2-f16.gguf", import.meta.url);
  workbench = await startModelsWorkbench("320MiB", { "tiny-F16.gguf": await readFile(tiny) });
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

test("a model of squared ReLU is downloaded, converted across a reload and used, and its source deleted after a word", async () => {
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
      /it would not be faster.*\d+ MB to .+models \(.+ free\)\. Converting takes \d+ MB more of the disk, and meanwhile up to \d+ MiB of memory/,
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
  const done = notification("tiny-F16.gguf is converted: 64 of 64 tokens came out as before.");
  await done.waitFor();
  await model(/^tiny-F16-flash.gguf, in use, converted/).waitFor();
  await picture(page, "converted");
  await done.getByRole("button", { name: /Delete the source \(\d+ MB\)/ }).click();
  await model(/^tiny-F16.gguf/).waitFor({ state: "detached" });
  expect((await readdir(modelsFolder)).sort()).toEqual([".flint", "tiny-F16-flash.flash", "tiny-F16-flash.gguf"]);

  // What leaving neurons out costs is said before it is chosen.
  const neurons = "Neurons of tiny-F16-flash.gguf";
  await runCommand(page, "Flint: Choose Neurons");
  await row(neurons, /All that are not zero.*in use/).waitFor();
  await row(neurons, /Predicted ones only.*[+-]\d+\.\d\d% of perplexity/).click();
  // The setting is written meanwhile.
  const isInUse = async () => {
    await runCommand(page, "Flint: Choose Neurons");
    await row(neurons, /Predicted ones only/).waitFor();
    const inUse = (await row(neurons, /Predicted ones only.*in use/).count()) > 0;
    await page.keyboard.press("Escape");
    return inUse;
  };
  await expect.poll(isInUse, { timeout: 60_000 }).toBe(true);
});
