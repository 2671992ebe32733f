/** Whatever happens to the panel, the window or the engine: what was said, what waits and what was typed is still there. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ChatPanel, runCommand } from "../support/chatPanel.js";
import { startScriptedWorkbench } from "../support/scriptedWorkbench.js";
import { extensionStorage } from "../support/storage.js";
import { keepFailure, picture, type Workbench } from "../support/workbench.js";

let workbench: Workbench;
let panel: ChatPanel;
let drafts = 0;
let draft = "";

beforeAll(async () => {
  workbench = await startScriptedWorkbench({ files: { "notes.txt": "one two" } });
  await workbench.page.goto(workbench.address());
  panel = new ChatPanel(workbench.page);
  await panel.open();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

const command = (title: string) => runCommand(workbench.page, title);
const said = () => panel.document.locator("[data-role=user] .body, [data-role=assistant] .body").allInnerTexts();
const queued = () => panel.document.locator("[data-role=queued] .text").allInnerTexts();
const attached = () => panel.document.getByRole("button", { name: /^Remove notes\.txt · 2 tokens$/ });
/** Something answered, something under way, something that waits, something attached, and something typed. */
async function talk(): Promise<void> {
  await command("Flint: New Chat");
  await expect.poll(said).toEqual([]);
  await panel.ask("say One");
  await panel.answerThat("done").waitFor();
  await panel.button("Send").waitFor();
  await panel.ask("hold Half");
  await expect.poll(said).toEqual(["say One", "One", "hold Half", "Half"]);
  await panel.input.fill("say Queued");
  await panel.input.press("Enter");
  await expect.poll(queued).toEqual(["say Queued"]);
  await panel.dropFile(workbench, "notes.txt");
  await attached().waitFor();
  draft = `draft ${++drafts}`;
  await panel.input.fill(draft);
  // A window that ends within the moment that this takes loses it.
  await expect.poll(stored).toContain(draft);
}
/** What a restart would begin with. */
async function stored(): Promise<string> {
  const folder = await extensionStorage(workbench);
  const names = (await readdir(folder)).filter((name) => /^panel.*\.json$/.test(name));
  return (await Promise.all(names.map((name) => readFile(path.join(folder, name), "utf8")))).join("\n");
}
async function expectAll(): Promise<void> {
  await panel.input.waitFor();
  await expect.poll(said).toEqual(["say One", "One", "hold Half", "Half"]);
  await expect.poll(queued).toEqual(["say Queued"]);
  await expect.poll(() => panel.input.inputValue()).toBe(draft);
  await attached().click();
  await attached().waitFor({ state: "detached" });
}
/** Opens the panel again, wherever it is now. */
const open = () => command("Flint: Focus on Chat View");
interface Event {
  what: string;
  happen(): Promise<void>;
  /** Of the answer that was under way. */
  answer: "streaming" | "stopped";
}

const events: Event[] = [
  {
    what: "another view takes the place of the panel",
    answer: "streaming",
    happen: async () => {
      await command("View: Show Search");
      await panel.input.waitFor({ state: "detached" });
      await open();
    },
  },
  {
    what: "the side bar is closed",
    answer: "streaming",
    happen: async () => {
      await command("View: Toggle Primary Side Bar Visibility");
      await panel.input.waitFor({ state: "detached" });
      await open();
    },
  },
  {
    what: "the window is reloaded",
    answer: "stopped",
    happen: () => panel.reload(),
  },
  {
    what: "the panel is opened in a tab of the editor, and that is closed",
    answer: "streaming",
    happen: async () => {
      const { page } = workbench;
      await command("Flint: Open Chat in Editor");
      await page.locator(".tab", { hasText: "Flint Chat" }).waitFor();
      const tab = page.frameLocator("iframe.webview.ready >> nth=1").frameLocator("#active-frame");
      await expect.poll(() => tab.getByRole("textbox", { name: "Ask Flint" }).inputValue()).toBe(draft);
      await picture(page, "editor");
      await page
        .locator(".tab", { hasText: "Flint Chat" })
        .getByLabel(/^Close/)
        .click();
      await page.locator(".tab", { hasText: "Flint Chat" }).waitFor({ state: "detached" });
      await open();
    },
  },
  {
    what: "the panel is moved to the secondary side bar",
    answer: "streaming",
    happen: async () => {
      const { page } = workbench;
      const row = (text: string) => page.locator(".quick-input-list .monaco-list-row", { hasText: text }).first();
      const box = page.locator(".quick-input-widget input").first();
      await page.keyboard.press("F1");
      await box.fill(">View: Move View");
      await page.getByRole("option", { name: "View: Move View", exact: true }).click();
      await page.locator(".quick-input-widget").getByPlaceholder("Select a View to Move").waitFor();
      await box.fill("Chat");
      await row("Chat").click();
      await row("New Secondary Side Bar Entry").click();
      await page.locator(".part.auxiliarybar").getByLabel("Flint").first().waitFor();
    },
  },
];

test.each(events)("nothing is lost when $what", async ({ happen, answer }) => {
  await talk();
  await happen();
  await expectAll();
  await panel.answerThat(answer).waitFor();
  if (answer === "streaming") await panel.button("Stop").click();
  // It can go on from there.
  await panel.button("Continue").click();
  await expect.poll(said).toContain("Half and so on.");
  await expect.poll(queued).toEqual([]);
  await panel.button("Send").waitFor();
});

/** The process ids of the engine. */
async function enginePids(): Promise<number[]> {
  const script = path.join(workbench.extensionFolder, "dist/sidecar.js");
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const commands = pids.map(async (pid) => ({
    pid,
    line: await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
  }));
  return (await Promise.all(commands)).filter(({ line }) => line.includes(script)).map(({ pid }) => Number(pid));
}

/** The extension host, which has started the engine. */
async function extensionHostPid(): Promise<number> {
  const [engine] = await enginePids();
  const status = await readFile(`/proc/${engine}/status`, "utf8");
  const parent = /^PPid:\t(\d+)$/m.exec(status)?.[1];
  if (parent === undefined) throw new Error("The engine has no parent.");
  return Number(parent);
}

// They ask Linux about processes.
test.runIf(process.platform === "linux")("no more than a second is lost when the extension host dies", async () => {
  await talk();
  const folder = await extensionStorage(workbench);
  const allStored = async () => {
    const { conversation: id, drafts } = JSON.parse(await readFile(path.join(folder, "panel.json"), "utf8"));
    const conversation = await readFile(path.join(folder, "conversations", `${id}.json`), "utf8");
    const context = await readFile(path.join(folder, "attached.json"), "utf8");
    if (!context.includes("notes.txt")) return false;
    return drafts[id]?.text === draft && /"Half".*say Queued/s.test(conversation);
  };
  await expect.poll(allStored).toBe(true);
  process.kill(await extensionHostPid(), "SIGKILL");
  await panel.answerThat("stopped").waitFor();
  await expectAll();
  await panel.button("Continue").click();
  await expect.poll(said).toContain("Half and so on.");
  await panel.button("Send").waitFor();
});

test.runIf(process.platform === "linux")(
  "nothing is lost when the engine dies, and the status says how it is",
  async () => {
    const { page } = workbench;
    await talk();
    const item = page.locator(".statusbar-item", { hasText: "Flint" });
    const restarted = panel.document.getByText("The engine stopped (signal 9). It was restarted. Ask again?");
    const kill = async () => {
      await expect.poll(async () => (await enginePids()).length).toBe(1);
      for (const pid of await enginePids()) process.kill(pid, "SIGKILL");
    };
    await kill();
    await restarted.waitFor();
    await expectAll();
    await panel.answerThat("error").waitFor();
    await panel.button("Continue").click();
    await expect.poll(said).toContain("Half and so on.");
    await expect.poll(queued).toEqual([]);
    await panel.button("Send").waitFor();
    for (let crash = 2; crash <= 3; crash++) {
      await panel.ask("hold More");
      await panel.button("Stop").waitFor();
      await expect.poll(said).toContain("More");
      await kill();
      await panel.button("Send").waitFor();
    }
    // Three times are too often.
    const isRed = async () => /error-kind|has-background-color/.test((await item.getAttribute("class")) ?? "");
    await item.filter({ hasText: "Flint: error" }).waitFor();
    await expect.poll(isRed).toBe(true);
    await panel.button("Restart engine").last().click();
    await item.filter({ hasNotText: "error" }).waitFor();
    await expect.poll(isRed).toBe(false);
    await panel.ask("say Again");
    await expect.poll(said).toContain("Again");
  },
);
