/** axe finds nothing in any state that a chat goes through, from the empty panel on. The answers are scripted. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { violations } from "../support/axe.js";
import { ChatPanel, chooseTheme, runCommand } from "../support/chatPanel.js";
import { startScriptedWorkbench } from "../support/scriptedWorkbench.js";
import { keepFailure, type Workbench } from "../support/workbench.js";

let workbench: Workbench;
let panel: ChatPanel;

beforeAll(async () => {
  workbench = await startScriptedWorkbench();
  await writeFile(path.join(workbench.folder, "notes.md"), "# Notes\n\nOne and two.\n");
  await workbench.page.goto(workbench.address());
  panel = new ChatPanel(workbench.page);
  await panel.open();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

/** @param state on show now, for the message of a failure */
const untilClean = (state: string) =>
  expect.poll(() => violations(panel), { message: state, timeout: 20_000 }).toEqual([]);

async function askAndWait(question: string): Promise<void> {
  await panel.ask(question);
  await panel.button("Send").waitFor();
}

test("an empty panel, the list of commands, and what is attached", async () => {
  await untilClean("empty");
  await panel.input.fill("/");
  await panel.document.getByRole("listbox").waitFor();
  await untilClean("the list of commands");
  await panel.input.fill("");
  await panel.dropFile(workbench, "notes.md");
  await panel.document.getByText("notes.md").first().waitFor();
  await untilClean("a file is attached");
});

test("an answer that streams, a queue, and a stop", async () => {
  await panel.ask("hold First");
  await panel.button("Stop").waitFor();
  await untilClean("an answer streams");
  await panel.input.fill("say Second");
  await panel.input.press("Enter");
  await panel.document.getByText("Queued: asked when the answer has ended").waitFor();
  await untilClean("a question is queued");
  await panel.button("Edit queued question").click();
  await untilClean("a queued question is edited");
  await panel.input.press("Enter");
  await panel.button("Stop").click();
  await panel.document.getByText("Queued: not asked yet").waitFor();
  await untilClean("stopped, with a queue");
  await panel.button("Remove queued question").click();
});

test("versions of an answer, a question that is edited, and one that was deleted", async () => {
  await askAndWait("say Third");
  await panel.answers.last().hover();
  await panel.button("Ask again").click();
  await panel.document.getByText("2 of 2").waitFor();
  await panel.button("Send").waitFor();
  await untilClean("two versions");
  await panel.questions.last().hover();
  await panel.button("Edit question").last().click();
  await panel.document.getByText("Sending this replaces the question and everything after it.").waitFor();
  await untilClean("a question is edited");
  await panel.input.press("Escape");
  await panel.questions.last().hover();
  await panel.button("Delete question and answer").last().click();
  await panel.button("Undo").waitFor();
  await untilClean("a question was deleted");
  await panel.button("Undo").click();
});

test("a thought that is open, while it goes on and afterwards", async () => {
  await panel.ask("think Done");
  const thought = panel.document.locator(".thought");
  await thought.locator("summary").click();
  await thought.getByText("First I look at it from all sides.").waitFor();
  await untilClean("thinking");
  await thought.getByRole("button", { name: "Answer now" }).click();
  await panel.button("Send").waitFor();
  await untilClean("a thought is over");
});

test("an engine that has ended", async () => {
  await panel.ask("crash Half");
  await panel.answerThat("error").waitFor();
  await untilClean("the engine has ended");
});

test("in a tab of the editor, also in high contrast", async () => {
  const { page } = workbench;
  await runCommand(page, "Flint: Open Chat in Editor");
  await page.locator(".tab", { hasText: "Flint Chat" }).waitFor();
  // Only the tab is left then.
  await runCommand(page, "View: Toggle Primary Side Bar Visibility");
  await expect.poll(() => page.locator("iframe.webview.ready").count()).toBe(1);
  await panel.input.waitFor();
  await untilClean("in a tab");
  await chooseTheme(page, "Dark High Contrast");
  await panel.document.locator("body[data-vscode-theme-kind$=high-contrast]").waitFor();
  await untilClean("in a tab, in high contrast");
});
