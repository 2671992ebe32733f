/** A thousand messages, and an answer of 20,000 tokens. How long things take is printed, and decides nothing. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { newConversation, serialize } from "../../extension/chat/sessions/conversation.js";
import { ChatPanel, runCommand } from "../support/chatPanel.js";
import { longAnswer, longConversation } from "../support/longConversation.js";
import { startScriptedWorkbench } from "../support/scriptedWorkbench.js";
import { extensionStorage } from "../support/storage.js";
import { keepFailure, type Workbench } from "../support/workbench.js";

let workbench: Workbench;
let panel: ChatPanel;

beforeAll(async () => {
  workbench = await startScriptedWorkbench();
  await workbench.page.goto(workbench.address());
  panel = new ChatPanel(workbench.page);
  await panel.open();
  const folder = path.join(await extensionStorage(workbench), "conversations");
  await mkdir(folder, { recursive: true });
  const now = Date.now();
  await writeFile(path.join(folder, "long.json"), serialize(newConversation("long", now, longConversation(1000))));
  const short = serialize(newConversation("short", now - 1000, longConversation(2)));
  for (let index = 0; index < 999; index++) await writeFile(path.join(folder, `short${index}.json`), short);
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

const transcript = () => panel.document.locator(".transcript");

test("a thousand messages are there at once, drawn where a person looks", async () => {
  const { page } = workbench;
  await runCommand(page, "Flint: Show Chat History");
  const first = page.locator(".quick-input-widget .monaco-list-row", { hasText: "Question 1" }).first();
  await first.waitFor();
  // From the message with all of it to the frame that shows its end.
  const opened = panel.document.locator("body").evaluate(
    (body) =>
      new Promise<number>((resolve) => {
        window.addEventListener("message", ({ data }: MessageEvent<{ type: string }>) => {
          if (data.type !== "conversation") return;
          const start = performance.now();
          const look = () => {
            if (!body.textContent?.includes("Answer 500.")) return void requestAnimationFrame(look);
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
          };
          look();
        });
      }),
  );
  await first.click();
  await panel.document.getByText("Answer 500.", { exact: true }).waitFor();
  console.log(`1,000 messages are shown ${Math.round(await opened)} ms after they have arrived in the page.`);
  expect(await panel.questions.count()).toBe(500);
  expect(await panel.answers.count()).toBe(500);
  // Only those near the end are Markdown; the others become it when they come near.
  expect(await panel.answers.locator(".block").first().count()).toBe(1);
  const drawn = () => panel.answers.filter({ has: panel.document.locator(".block") }).count();
  expect(await drawn()).toBeLessThan(60);
  await transcript().evaluate((element) => element.scrollTo({ top: 0 }));
  await panel.answers.first().locator(".code-block").waitFor();
  expect(await drawn()).toBeLessThan(120);
});

test("an answer of 20,000 tokens is scrolled through to its end", async () => {
  const { page, folder } = workbench;
  const file = path.join(folder, "answer.md");
  await writeFile(file, longAnswer(20_000));
  await runCommand(page, "Flint: New Chat");
  await expect.poll(() => panel.questions.count()).toBe(0);
  await panel.ask(`file ${file}`);
  // It is also told to screen readers.
  const end = panel.answers.getByText("The end.", { exact: true });
  await end.waitFor();
  await panel.answerThat("done").waitFor();
  const gaps = await transcript().evaluate(async (element) => {
    const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
    element.scrollTo({ top: 0 });
    await frame();
    const times: number[] = [];
    for (let top = 0; top < element.scrollHeight - element.clientHeight; top += 300) {
      element.scrollTo({ top });
      times.push(await frame());
    }
    return times.slice(1).map((time, index) => time - (times[index] ?? 0));
  });
  gaps.sort((a, b) => a - b);
  const of = (share: number) => Math.round(gaps[Math.floor(share * (gaps.length - 1))] ?? 0);
  console.log(`${gaps.length} frames of scrolling: median ${of(0.5)} ms, 95% ${of(0.95)} ms, longest ${of(1)} ms.`);
  await end.waitFor();
});
