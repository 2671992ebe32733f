/** Inline suggestions and next edits as a person sees them. What the model says is scripted by comments in the files. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from "vitest";
import { watchGhostText } from "../bench/inline/ghostText.js";
import { openFile, runCommand } from "../support/chatPanel.js";
import { startScriptedWorkbench } from "../support/scriptedWorkbench.js";
import { keepFailure, type Workbench } from "../support/workbench.js";

/** What is said where there must be no suggestion. */
const hidden = "# total = -> hidden\n";
const files = {
  "one.py": "# total = -> one + two\n# other = -> four(five)\n# files = -> {files}\n\n",
  "other.py": "def helper(number):\n    doubled = number * 2\n    return doubled + 1\n",
  "blanks.py": "# (blank) -> done()\n\n",
  "notes.md": hidden,
  "compared.py": hidden,
  "renamed.py": "count = 1\nfirst = count + 1\nsecond = count + 2\n",
};
// Lists of words would have Tab and Escape for themselves.
const settings = { "editor.wordBasedSuggestions": "off" };

let workbench: Workbench;

beforeAll(async () => {
  workbench = await startScriptedWorkbench({ files, settings });
  await promisify(execFile)("git", ["init"], { cwd: workbench.folder });
  await start(workbench);
  await recordGhostText(workbench.page);
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

/** Opens the window, and waits for the model. */
async function start({ page, address }: Workbench): Promise<void> {
  await page.goto(address());
  await page.locator(".statusbar", { hasText: "Flint" }).waitFor();
}

const ghostText = (page: Page) => page.locator(".ghost-text-decoration, .ghost-text");
/** The editor shows spaces that don't break. */
const plain = (text: string) => text.replaceAll("\u00a0", " ");
const seen = async (page: Page) => plain((await ghostText(page).allTextContents()).join(""));

/** Keeps each text that was shown in grey, from now on. */
const recordGhostText = (page: Page) =>
  page.evaluate(() => {
    const { body } = document;
    new MutationObserver(() => {
      const pieces = [...document.querySelectorAll(".ghost-text-decoration, .ghost-text")];
      const text = pieces.map((piece) => piece.textContent).join("");
      const last = body.dataset["ghosts"] ?? "";
      if (text !== "" && !last.endsWith(`\n${text}`)) body.dataset["ghosts"] = `${last}\n${text}`;
    }).observe(body, { subtree: true, childList: true, characterData: true });
  });

/** Types on a new line at the end of the file until there is this suggestion: at first the model may not be loaded yet. */
async function typeUntilShown({ page }: Workbench, typed: string, wanted: string): Promise<void> {
  const again = async () => {
    if ((await seen(page)) === wanted) return wanted;
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+End");
    await page.keyboard.press("Enter");
    await page.keyboard.type(typed);
    await ghostText(page)
      .first()
      .waitFor({ timeout: 5000 })
      .catch(() => undefined);
    return seen(page);
  };
  await expect.poll(again, { interval: 4000 }).toBe(wanted);
}

async function open(name: string): Promise<void> {
  await (await openFile(workbench.page, name)).click();
  await workbench.page.keyboard.press("Control+End");
}

/** Saves a file, which then has such a text. */
async function save(name: string, expected: string | RegExp = ""): Promise<void> {
  await workbench.page.keyboard.press("Control+s");
  const text = () => readFile(path.join(workbench.folder, name), "utf8");
  await expect
    .poll(text)
    .toEqual(typeof expected === "string" ? expect.stringContaining(expected) : expect.stringMatching(expected));
}

/** What the language status says of suggestions. */
const status = (text: string) =>
  workbench.page.locator(`.statusbar-item[aria-label*="${text}"], .statusbar-item [aria-label*="${text}"]`).first();

test("a suggestion is shown in grey, and Tab takes it", async () => {
  const { page } = workbench;
  await open("one.py");
  await typeUntilShown(workbench, "total = ", "one + two");
  await page.keyboard.press("Tab");
  await ghostText(page).first().waitFor({ state: "detached" });
  await save("one.py", /\ntotal = one \+ two\n?$/);
});

test("a word of it is taken, and Escape dismisses the rest", async () => {
  const { page } = workbench;
  await typeUntilShown(workbench, "other = ", "four(five)");
  await page.keyboard.press("Control+ArrowRight");
  await expect.poll(() => seen(page)).toBe("(five)");
  await page.keyboard.press("Escape");
  await ghostText(page).first().waitFor({ state: "detached" });
  await save("one.py", /\nother = four\n?$/);
});

test("whole suggestions and words of them are counted", async () => {
  const { page } = workbench;
  await runCommand(page, "Flint: Statistics");
  const counted = page.locator(".notification-toast", { hasText: /\b2 accepted\b.*\b13 characters not typed/ });
  await counted.getByRole("button", { name: "Reset" }).click();
  await counted.waitFor({ state: "detached" });
});

test("what is typed as it is suggested leaves the rest in place", async () => {
  const { page } = workbench;
  await typeUntilShown(workbench, "other = ", "four(five)");
  await page.keyboard.type("fo");
  await expect.poll(() => seen(page)).toBe("ur(five)");
  await page.keyboard.press("Escape");
});

test("a suggestion without the blanks that are typed before it goes, and comes back for the new place", async () => {
  const { page } = workbench;
  await open("blanks.py");
  await typeUntilShown(workbench, " ", "done()");
  const painted = await watchGhostText(page);
  await painted.take();
  const texts: string[] = [];
  await page.keyboard.press("Space");
  const look = async () => {
    texts.push(...(await painted.take()).sights.map(({ text }) => text));
    return texts;
  };
  // What was there at first may be seen too.
  await expect.poll(async () => (await look()).slice(-2)).toEqual(["", "done()"]);
  await page.keyboard.press("Tab");
  await save("blanks.py", /\n {2,}done\(\)\n?$/);
});

test("text of other files goes with the request", async () => {
  await open("other.py");
  await open("one.py");
  await typeUntilShown(workbench, "files = ", "other.py");
  await workbench.page.keyboard.press("Escape");
  await save("one.py");
});

test("there is none in a language that is off, in a comparison and in the box of a commit's message", async () => {
  const { page } = workbench;
  await open("notes.md");
  await status("Off for markdown").waitFor();
  await page.keyboard.type("total = ");

  await open("compared.py");
  await page.keyboard.type("total");
  await runCommand(page, "File: Compare Active File with Saved");
  const compared = page.locator(".monaco-diff-editor .editor.modified .view-lines");
  await compared.click();
  await status("Off in this editor").waitFor();
  await page.keyboard.press("Control+End");
  await page.keyboard.type(" = ");
  await compared.locator(".view-line", { hasText: /^total.=/ }).waitFor();

  await runCommand(page, "Source Control: Focus on Changes View");
  const box = page.locator(".scm-editor .view-lines");
  await box.click();
  await page.keyboard.type(hidden);
  await page.keyboard.type("total = ");
  await box.locator(".view-line", { hasText: /^total.=/ }).waitFor();

  await open("one.py");
  await typeUntilShown(workbench, "total = ", "one + two");
  const ghosts = plain((await page.locator("body").getAttribute("data-ghosts")) ?? "");
  expect(ghosts).toContain("one + two");
  expect(ghosts).not.toContain("hidden");
});

test("there is none while it is snoozed", async () => {
  const { page } = workbench;
  const snooze = async (choice: string) => {
    await runCommand(page, "Flint: Snooze Inline Suggestions");
    await page.locator(".quick-input-list .monaco-list-row", { hasText: choice }).click();
  };
  await open("one.py");
  await snooze("15 minutes");
  await status("Snoozed until").waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.type("total = ");
  await snooze("Resume now");
  await status("Ready").waitFor();
  expect(await seen(page)).toBe("");
  await typeUntilShown(workbench, "total = ", "one + two");
  await page.keyboard.press("Escape");
  await save("one.py");
});

/** What stands behind a line that is to be changed next. */
const nextEdit = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll(".view-line span")]
      .map((element) => getComputedStyle(element, "::after").content)
      .filter((content) => content.includes("Tab to change"))
      .join("")
      .replaceAll("\u00a0", " "),
  );

test("the next place of a renamed name is shown; Tab goes there and changes it, Escape leaves it", async () => {
  const { page } = workbench;
  await open("renamed.py");
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("Control+Shift+ArrowRight");
  await page.keyboard.type("total");
  await expect.poll(() => nextEdit(page)).toContain("total");
  await page.keyboard.press("Tab");
  await page.locator(".statusbar", { hasText: "Ln 2" }).waitFor();
  await page.keyboard.press("Tab");
  await page.locator(".view-lines", { hasText: /first.=.total/ }).waitFor();
  await expect.poll(() => nextEdit(page)).toContain("total");
  await page.keyboard.press("Escape");
  await expect.poll(() => nextEdit(page)).toBe("");
  await save("renamed.py", "total = 1\nfirst = total + 1\nsecond = count + 2\n");
});

test("no text of other files leaves its file where the workspace is not trusted", async () => {
  const untrusted = await startScriptedWorkbench({ files, settings, untrusted: true });
  onTestFinished(() => untrusted.close());
  onTestFinished(async ({ task }) => {
    if (task.result?.state === "fail") await keepFailure(untrusted, `${task.name} itself`);
  });
  const { page } = untrusted;
  await start(untrusted);
  await page.locator(".statusbar", { hasText: "Restricted Mode" }).waitFor();
  for (const name of ["other.py", "one.py"]) await (await openFile(page, name)).click();
  await typeUntilShown(untrusted, "files = ", "none");
});
