/** What can be done with conversations: versions, branches, the queue, the history. The answers are scripted. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ChatPanel, runCommand } from "../support/chatPanel.js";
import { startScriptedWorkbench } from "../support/scriptedWorkbench.js";
import { keepFailure, picture, type Workbench } from "../support/workbench.js";

let workbench: Workbench;
let panel: ChatPanel;

beforeAll(async () => {
  workbench = await startScriptedWorkbench();
  await workbench.page.goto(workbench.address());
  panel = new ChatPanel(workbench.page);
  await panel.open();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

const bodies = (messages: Locator) => messages.locator(".body").allInnerTexts();
/** What is on show, questions and answers. */
const said = () => bodies(panel.document.locator("[data-role=user], [data-role=assistant]"));
const queued = () => panel.document.locator("[data-role=queued] .text").allInnerTexts();
const untilSaid = (...texts: string[]) => expect.poll(said).toEqual(texts);
const untilDone = () => panel.button("Send").waitFor();

async function askAndWait(question: string): Promise<void> {
  await panel.ask(question);
  await untilDone();
}
async function newChat(): Promise<void> {
  await runCommand(workbench.page, "Flint: New Chat");
  await untilSaid();
}
/** A row of the history. */
const row = (title: string) =>
  workbench.page.locator(".quick-input-widget .monaco-list-row", { hasText: title }).first();
async function openHistory(): Promise<Locator> {
  await runCommand(workbench.page, "Flint: Show Chat History");
  const input = workbench.page.locator(".quick-input-widget").getByPlaceholder("Search chats");
  await input.waitFor();
  return input;
}
const notification = (text: string | RegExp) => workbench.page.locator(".notification-toast", { hasText: text });

test("asking again keeps the answers before, which can be shown with the mouse and with the keyboard", async () => {
  await askAndWait("say First");
  await panel.document.locator("[data-role=assistant]").last().hover();
  await panel.button("Ask again").click();
  await panel.document.getByText("2 of 2").waitFor();
  await untilDone();
  await panel.button("Earlier answer").click();
  await panel.document.getByText("1 of 2").waitFor();
  // The focus stays on the arrows of the answer that is shown now.
  await workbench.page.keyboard.press("ArrowRight");
  await panel.document.getByText("2 of 2").waitFor();
  await workbench.page.keyboard.press("ArrowLeft");
  await panel.document.getByText("1 of 2").waitFor();
});

test("a changed question begins a branch, and what was said before can be shown again", async () => {
  await newChat();
  await askAndWait("say One");
  await askAndWait("say Two");
  await panel.questions.first().hover();
  await panel.button("Edit question").first().click();
  await panel.document.getByText("Sending this replaces the question and everything after it.").waitFor();
  expect(await panel.input.inputValue()).toBe("say One");
  await askAndWait("say Another");
  await untilSaid("say Another", "Another");
  await panel.questions.first().getByRole("button", { name: "Earlier version" }).click();
  await untilSaid("say One", "One", "say Two", "Two");
  await panel.questions.first().getByRole("button", { name: "Later version" }).click();
  await untilSaid("say Another", "Another");
});

test("a question is deleted with its answer, and put back", async () => {
  await newChat();
  await askAndWait("say One");
  await askAndWait("say Two");
  await panel.questions.first().hover();
  await panel.button("Delete question and answer").first().click();
  await untilSaid("say Two", "Two");
  await panel.button("Undo").click();
  await untilSaid("say One", "One", "say Two", "Two");
  expect(await panel.button("Undo").count()).toBe(0);
});

test("questions that are typed while an answer streams wait, can be changed and removed, and are asked then", async () => {
  await newChat();
  await panel.ask("hold First");
  await panel.button("Stop").waitFor();
  for (const text of ["say Secnd", "say Third"]) {
    await panel.input.fill(text);
    await panel.input.press("Enter");
    await expect.poll(() => panel.input.inputValue()).toBe("");
  }
  await expect.poll(queued).toEqual(["say Secnd", "say Third"]);
  await panel.document.getByText("Queued: asked when the answer has ended").waitFor();
  await picture(workbench.page, "queue");
  await panel.button("Edit queued question").first().click();
  expect(await panel.input.inputValue()).toBe("say Secnd");
  await panel.input.fill("say Second");
  await panel.input.press("Enter");
  await expect.poll(queued).toEqual(["say Second", "say Third"]);
  await panel.button("Remove queued question").last().click();
  await expect.poll(queued).toEqual(["say Second"]);
  // After a stop the person says what is next.
  await panel.button("Stop").click();
  await panel.document.getByText("Queued: not asked yet").waitFor();
  await panel.button("Ask now").click();
  await untilSaid("hold First", "First", "say Second", "Second");
  await untilDone();
  await panel.ask("words 30");
  await panel.button("Stop").waitFor();
  await panel.input.fill("say Last");
  await panel.button("Queue question").click();
  await expect.poll(() => bodies(panel.answers.last())).toEqual(["Last"]);
  expect(await queued()).toEqual([]);
});

test("a stopped answer is continued", async () => {
  await newChat();
  await panel.ask("hold Half");
  await expect.poll(() => bodies(panel.answers.last())).toEqual(["Half"]);
  await panel.button("Stop").click();
  await panel.button("Continue").click();
  await untilSaid("hold Half", "Half and so on.");
  await untilDone();
  expect(await panel.button("Continue").count()).toBe(0);
});

test("what the model thinks is folded, can be ended early, and is kept; none is thought where none is wanted", async () => {
  const { page } = workbench;
  await newChat();
  await panel.ask("think Done");
  const thought = panel.document.locator(".thought");
  await thought.getByText("Thinking: 4 s, 8 tokens").waitFor();
  const words = thought.getByText("First I look at it from all sides.");
  expect(await words.isVisible()).toBe(false);
  await thought.locator("summary").click();
  await words.waitFor();
  await picture(page, "thinking");
  await thought.getByRole("button", { name: "Answer now" }).click();
  await untilSaid("think Done", "Done");
  await thought.getByText("Thought for 4 s, 8 tokens").waitFor();
  expect(await thought.getByRole("button", { name: "Answer now" }).count()).toBe(0);
  await untilDone();
  await panel.reload();
  await thought.getByText("Thought for 4 s, 8 tokens").waitFor();
  await thought.locator("summary").click();
  await words.waitFor();
  const choice = panel.document.getByRole("switch", { name: "Think before answering" });
  await panel.document.getByRole("switch", { name: "Think before answering", checked: true }).click();
  await panel.document.getByRole("switch", { name: "Think before answering", checked: false }).waitFor();
  await askAndWait("think At once");
  await untilSaid("think Done", "Done", "think At once", "At once");
  expect(await thought.count()).toBe(1);
  await choice.click();
  await panel.document.getByRole("switch", { name: "Think before answering", checked: true }).waitFor();
});

test("the up key brings earlier questions back into an empty input", async () => {
  await newChat();
  await askAndWait("say One");
  await askAndWait("say Two");
  await panel.input.press("ArrowUp");
  expect(await panel.input.inputValue()).toBe("say Two");
  await panel.input.press("ArrowUp");
  expect(await panel.input.inputValue()).toBe("say One");
  await panel.input.press("ArrowDown");
  await panel.input.press("ArrowDown");
  expect(await panel.input.inputValue()).toBe("");
});

test("the history lists chats to search and open; what was typed stays with its chat", async () => {
  await newChat();
  await askAndWait("say Zebra");
  await panel.input.fill("a draft about zebras");
  await newChat();
  expect(await panel.input.inputValue()).toBe("");
  await askAndWait("say Yak");
  const search = await openHistory();
  await row("say Yak").filter({ hasText: "shown now" }).waitFor();
  await picture(workbench.page, "history");
  await search.fill("zebra");
  await row("say Zebra").waitFor();
  expect(await row("say Yak").count()).toBe(0);
  await search.press("Enter");
  await untilSaid("say Zebra", "Zebra");
  await panel.untilFocused();
  // Also what was said in it, not in its title.
  await (await openHistory()).fill("another");
  await row("say One").waitFor();
  expect(await row("say Yak").count()).toBe(0);
  await workbench.page.keyboard.press("Escape");
  expect(await panel.input.inputValue()).toBe("a draft about zebras");
  await panel.input.fill("");
});

test("a chat is renamed, deleted and put back", async () => {
  const { page } = workbench;
  await openHistory();
  await row("say Zebra").hover();
  await row("say Zebra").getByRole("button", { name: "Rename" }).click();
  const box = page.locator(".quick-input-widget", { hasText: "Leave it empty for the title of the first question." });
  await box.waitFor();
  await box.locator("input").fill("All about zebras");
  await box.locator("input").press("Enter");
  // The list comes back.
  await row("All about zebras").waitFor();
  await row("say Yak").hover();
  await row("say Yak").getByRole("button", { name: "Delete" }).click();
  await row("say Yak").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await notification("The chat was deleted.").getByRole("button", { name: "Undo" }).click();
  await openHistory();
  await row("say Yak").waitFor();
  await page.keyboard.press("Escape");
});

test("a chat is exported as Markdown", async () => {
  const { page, folder } = workbench;
  await runCommand(page, "Flint: Export Chat as Markdown");
  const dialog = page.locator(".quick-input-widget");
  await dialog.getByText("Export as Markdown").first().waitFor();
  // It proposes a name, a moment after it is there.
  const file = path.join(folder, "All about zebras.md");
  await expect.poll(() => dialog.locator("input").first().inputValue()).toBe(file);
  // While it still looks at what was typed, the dialog takes no Enter.
  const accept = async () => {
    if (!(await dialog.isVisible())) return true;
    await page.keyboard.press("Enter");
    return false;
  };
  await expect.poll(accept, { interval: 2000 }).toBe(true);
  const text = () => readFile(file, "utf8").catch(() => "");
  await expect.poll(text).toBe("# All about zebras\n\n## You\n\nsay Zebra\n\n## Flint\n\nZebra\n");
});

test("a long answer that ends while another window has the focus is told, and can be shown from there", async () => {
  const { page } = workbench;
  await newChat();
  await panel.ask("words 1100");
  await panel.button("Stop").waitFor();
  // As if the person had gone to another program.
  await page.evaluate(() => {
    document.hasFocus = () => false;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  const told = notification(/Flint has answered “words 1100” in 2\d s\./);
  await told.waitFor();
  await picture(page, "notification");
  await told.getByRole("button", { name: "Show" }).click();
  await panel.answers.last().getByText("word1100").waitFor();
});
