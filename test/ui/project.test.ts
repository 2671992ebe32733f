/** From a failing test to a commit, in one window: ask about a file, apply the code, run the test, write the message. The answer is scripted. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ChatPanel, openFile, runCommand, writeCommitMessage } from "../support/chatPanel.js";
import { startScriptedWorkbench } from "../support/scriptedWorkbench.js";
import { keepFailure, picture, type Workbench } from "../support/workbench.js";

const original = `exports.sum = (numbers) => {
  let total = 0;
  for (let i = 1; i < numbers.length; i++) {
    total += numbers[i];
  }
  return total;
};

exports.mean = (numbers) => exports.sum(numbers) / numbers.length;
`;
const mended = original.replace("let i = 1", "let i = 0");

/** What it has found stands in a file, whatever a terminal shows. */
const program = `const { writeFileSync } = require("node:fs");
const { sum } = require("./sum.cjs");
writeFileSync("result.txt", sum([1, 2, 3]) === 6 ? "passed" : "failed");
`;

const answer = `The loop begins at 1, so the first number is left out.

\`\`\`js
${mended.slice(0, mended.indexOf("\n\n"))}
\`\`\`

Then run the test:

\`\`\`sh
node sum.test.cjs
\`\`\`

A test of the mean was missing:

\`\`\`js mean.test.cjs
const { mean } = require("./sum.cjs");
\`\`\`
`;

let workbench: Workbench;
let panel: ChatPanel;

const inFolder = (name: string) => path.join(workbench.folder, name);
const contentOf = (name: string) => readFile(inFolder(name), "utf8").catch(() => undefined);
const git = (...args: string[]) => promisify(execFile)("git", args, { cwd: workbench.folder });

beforeAll(async () => {
  workbench = await startScriptedWorkbench({
    // It is attached by itself, and code without a path is not for it.
    files: { "AGENTS.md": "Answer briefly.\n", "sum.cjs": original, "sum.test.cjs": program },
  });
  await git("init");
  const { page } = workbench;
  await page.goto(workbench.address());
  panel = new ChatPanel(page);
  await panel.open();
  await writeFile(path.join(workbench.profileFolder, "answer.md"), answer);
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

/** The button of that name below the code that has this text. */
const codeButton = (code: string, name: string) =>
  panel.document.locator(".code-block", { hasText: code }).getByRole("button", { name, exact: true });

test("the answer to a question about a file is applied as a diff, and written when it is accepted", async () => {
  const { page } = workbench;
  await openFile(page, "sum.cjs");
  await panel.document.getByRole("button", { name: /^Remove AGENTS\.md/ }).waitFor();
  await panel.button("Ask about sum.cjs").click();
  await panel.ask(`file ${path.join(workbench.profileFolder, "answer.md")}`);
  await panel.answerThat("done").waitFor();
  await codeButton("let total", "Apply to file").click();
  const diff = page.locator(".tab", { hasText: "sum.cjs: suggested changes" });
  await diff.waitFor();
  await page
    .locator(".monaco-diff-editor .view-lines", { hasText: /let.i.=.0/ })
    .first()
    .waitFor();
  await picture(page, "apply");
  expect(await contentOf("sum.cjs")).toBe(original);
  await page.getByRole("button", { name: "Accept All Changes" }).click();
  await diff.waitFor({ state: "detached" });
  await expect.poll(() => contentOf("sum.cjs")).toBe(mended);
});

test("a command is put into the terminal, and runs when Enter is pressed there", async () => {
  const { page } = workbench;
  await codeButton("node sum.test.cjs", "Run in terminal").click();
  const terminal = page.locator(".terminal-wrapper .xterm");
  await terminal.waitFor();
  await terminal.click();
  expect(await contentOf("result.txt")).toBeUndefined();
  // The command is there when the shell is: what a terminal shows is no text of the page.
  const enter = async () => {
    await page.keyboard.press("Enter");
    return contentOf("result.txt");
  };
  await expect.poll(enter, { interval: 2000 }).toBe("passed");
  await picture(page, "terminal");
});

test("code for a file that there is not becomes a new one, which the person saves", async () => {
  const { page } = workbench;
  await codeButton("mean }", "New file").click();
  const lines = page.locator(".monaco-editor[data-uri$='mean.test.cjs'] .view-lines");
  await lines.getByText("sum.cjs").waitFor();
  expect(await contentOf("mean.test.cjs")).toBeUndefined();
  await lines.click();
  await page.keyboard.press("Control+s");
  await expect.poll(() => contentOf("mean.test.cjs")).toBe('const { mean } = require("./sum.cjs");\n');
  // The editor of the file takes the place of that of the text without one, and the focus, after it is written.
  await page.locator(".monaco-editor[data-uri^='vscode-remote:'][data-uri$='mean.test.cjs'] .view-lines").waitFor();
});

test("the message of the commit is written from what is staged", async () => {
  const { page } = workbench;
  await git("add", "sum.cjs");
  const box = await writeCommitMessage(page);
  await expect.poll(() => box.textContent()).toMatch(/Sum.up.all.numbers/);
  await picture(page, "commit");
});

test("where nothing is staged, the message is written from all changes", async () => {
  const { page } = workbench;
  await git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-m", "Sum up");
  await writeFile(inFolder("sum.cjs"), original);
  const box = page.locator(".scm-editor .view-lines");
  await box.click();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await expect.poll(() => box.textContent()).not.toMatch(/\w/);
  await runCommand(page, "Flint: Write Commit Message");
  await expect.poll(() => box.textContent()).toMatch(/Sum.up.all.numbers/);
});
