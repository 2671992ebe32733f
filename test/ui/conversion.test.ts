/** A model whose neurons are mostly zero: offered to be converted before its download, converted, used, its source deleted. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ChatPanel, runCommand } from "../harness/chatPanel.js";
import { type HubServer, startHubServer } from "../harness/hubServer.js";
import { keepFailure, picture, startWorkbench, type Workbench } from "../harness/workbench.js";

const minute = 60_000;

let workbench: Workbench;
let hub: HubServer;
let home: string;

beforeAll(async () => {
  const tiny = new URL("../models/flint-tiny-relu2-f16.gguf", import.meta.url);
  hub = await startHubServer({ "tiny-F16.gguf": await readFile(tiny) });
  home = await mkdtemp(path.join(tmpdir(), "flint-conversion-"));
  const elsewhere = path.join(home, "none");
  workbench = await startWorkbench({
    settings: { "flint.ramCap": "320MiB", "flint.modelsFolder": path.join(home, "models") },
    env: {
      HF_ENDPOINT: hub.endpoint,
      ...{ LLAMA_CACHE: elsewhere, OLLAMA_MODELS: elsewhere, HF_HUB_CACHE: elsewhere, XDG_DATA_HOME: elsewhere },
    },
  });
  workbench.page.setDefaultTimeout(2 * minute);
  await workbench.page.goto(workbench.address());
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(async () => {
  await workbench?.close();
  await hub?.close();
  await rm(home, { recursive: true, force: true });
});

test("a model of squared ReLU is downloaded, converted across a reload and used, and its source deleted after a word", async () => {
  const { page } = workbench;
  const list = (text: string | RegExp) =>
    page.locator(".quick-input-list .monaco-list-row").filter({ hasText: text }).first();
  const notification = (text: string | RegExp) => page.locator(".notification-list-item", { hasText: text }).last();
  const model = (text: string | RegExp) =>
    page.locator(".pane", { hasText: "Models" }).getByRole("treeitem", { name: text });

  await new ChatPanel(page).open();
  await runCommand(page, "Flint: Download & Convert Model");
  await page.locator(".quick-input-title", { hasText: "Download Model" }).waitFor();
  await page.locator(".quick-input-widget input").fill("owner/model");
  await list("Search the Hub for “owner/model”").waitFor();
  await page.keyboard.press("Enter");
  await list(/fits in 320 MiB/).click();
  // What it costs is said before the first byte.
  const convert = list("Download, convert and use").filter({
    hasText: /it would not be faster.*\d+ MB more of the disk, and meanwhile up to \d+ MiB of memory/,
  });
  await convert.waitFor();
  expect(await readdir(path.join(home, "models")).catch(() => [])).toEqual([]);
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
  expect((await readdir(path.join(home, "models"))).sort()).toEqual([
    ".flint",
    "tiny-F16-flash.flash",
    "tiny-F16-flash.gguf",
  ]);
});
