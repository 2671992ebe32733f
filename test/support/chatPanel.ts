/** The window as a person uses it: the chat panel, commands, files. */
import type { FrameLocator, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import type { Workbench } from "./workbench.js";

const minute = 60_000;

/** The chat panel of a window. */
export class ChatPanel {
  /** The panel's own document. */
  readonly document: FrameLocator;
  readonly input: Locator;
  readonly answers: Locator;
  readonly questions: Locator;

  /** @param inputName what its input is called in the language of the window */
  constructor(
    private readonly page: Page,
    inputName = "Ask Flint",
  ) {
    this.document = page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
    this.input = this.document.getByRole("textbox", { name: inputName });
    this.answers = this.document.locator("[data-role=assistant]");
    this.questions = this.document.locator("[data-role=user]");
  }

  button(name: string): Locator {
    return this.document.getByRole("button", { name, exact: true });
  }

  /** The last answer that is `streaming`, `done`, `stopped` or in `error`. */
  answerThat(state: string): Locator {
    return this.document.locator(`[data-role=assistant][data-state=${state}]`).last();
  }

  /** Opens the panel with a click in the activity bar, unless it is open. */
  async open(): Promise<void> {
    const { page } = this;
    const view = page.locator(".activitybar .action-item", { has: page.getByLabel("Flint", { exact: true }) });
    await view.waitFor();
    if (!(await view.getAttribute("class"))?.includes("checked")) await view.click();
    await this.input.waitFor();
  }

  /** Loads the window again, with the panel open: a click would close it if the window has opened it by then. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.locator(".statusbar", { hasText: "Flint" }).waitFor();
    await runCommand(this.page, "Flint: Focus on Chat View");
    await this.input.waitFor();
  }

  /** Waits until what is typed goes into the input: it has its frame's focus before the frame has the window's. */
  async untilFocused(): Promise<void> {
    const isActive = (locator: Locator) => locator.evaluate((element) => element === document.activeElement);
    const frame = this.page.locator("iframe.webview.ready");
    const inner = frame.contentFrame().locator("#active-frame");
    const isFocused = async () => (await isActive(frame)) && (await isActive(inner)) && (await isActive(this.input));
    await expect.poll(isFocused, { timeout: minute }).toBe(true);
  }

  /** Drops a file of the window's folder on the panel, as from the explorer: the mouse can't carry it into a frame here. */
  async dropFile({ folder }: Pick<Workbench, "folder">, name: string): Promise<void> {
    await this.document.locator(".composer").evaluate(
      (composer, uri) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.setData("text/uri-list", uri);
        for (const type of ["dragover", "drop"]) {
          composer.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        }
      },
      `vscode-remote://${new URL(this.page.url()).host}${folder}/${name}`,
    );
  }

  /** Sends a question, and waits until it is taken: until then the panel looks as if the answer before had just ended. */
  async ask(question: string): Promise<void> {
    await this.input.fill(question);
    await this.button("Send").click();
    await expect.poll(() => this.input.inputValue()).toBe("");
  }

  /** Ends the answer under way, unless the model has ended it: small ones may go on for ever. */
  async endAnswer(): Promise<void> {
    await this.input.press("Escape");
    await this.button("Send").waitFor();
  }

  /**
   * Has something asked and its answer stopped; again where the model had so little to say that it was done before.
   * `ask` must be able to ask again, and `stop` give up by itself.
   * @throws when that happens five times
   */
  async askAndStop(ask: () => Promise<void>, stop: () => Promise<void>): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const answer = this.answers.nth(await this.answers.count());
      await ask();
      const said = await beginning(answer.locator("p, li, pre").first());
      // Where the answer has ended there is nothing to stop; the click must not wait for the next answer either.
      await stop().catch(() => undefined);
      const state = (name: string) => answer.and(this.document.locator(`[data-state=${name}]`)).waitFor();
      const stopped = state("stopped").then(() => true);
      const done = state("done").then(() => false);
      // Whichever of the two does not happen fails some time later, which is of no interest any more.
      for (const either of [stopped, done]) either.catch(() => undefined);
      if (!(await Promise.race([stopped, done]))) continue;
      expect(words(await answer.textContent())).toContain(words(said));
      return;
    }
    throw new Error("No answer was long enough to be stopped.");
  }
}

/** Marks of markdown are shown as they are until what they enclose is complete, so only words stay as they were. */
const words = (text: string | null) => (text?.match(/[\p{L}\p{N}]+/gu) ?? []).join(" ");

/** Waits until there are some lines of text, and returns them. */
export async function beginning(locator: Locator, lines = 1): Promise<string> {
  let text = "";
  const count = async () => {
    text = (await locator.textContent()) ?? "";
    return text.split("\n").filter((line) => line.trim() !== "").length;
  };
  await expect.poll(count, { timeout: 2 * minute, interval: 50 }).toBeGreaterThanOrEqual(lines);
  return text;
}

/** Runs a command with the keyboard. */
export async function runCommand(page: Page, title: string): Promise<void> {
  await quickInput(page, "F1", "Type the name of a command to run.", `>${title}`);
  // Which of the commands that are alike is the first of the list is up to VS Code.
  await page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click();
}

/** Chooses a colour theme by its name, as a person does. */
export async function chooseTheme(page: Page, name: string): Promise<void> {
  await runCommand(page, "Preferences: Color Theme");
  const input = page.locator(".quick-input-widget input");
  await input.fill(name);
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: name }).waitFor();
  await input.press("Enter");
}

/** Has the message of a commit written. @returns the lines of the box that it is written into */
export async function writeCommitMessage(page: Page): Promise<Locator> {
  await runCommand(page, "Source Control: Focus on Changes View");
  const box = page.locator(".scm-editor .view-lines");
  await box.waitFor();
  await runCommand(page, "Flint: Write Commit Message");
  return box;
}

/**
 * Opens a file of the folder with the keyboard.
 * @returns its lines
 */
export async function openFile(page: Page, name: string): Promise<Locator> {
  const input = await quickInput(page, "Control+p", "Search files by name", name);
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: name }).waitFor();
  await input.press("Enter");
  const lines = page.locator(`.monaco-editor[data-uri$='${name}'] .view-lines`);
  await lines.waitFor();
  return lines;
}

/**
 * Opens a list with a key, and types into it. All lists are shown in one box: it is the wanted one when it says so, and
 * not as soon as there is one. An editor that VS Code shows meanwhile takes the focus, which closes the list: it is
 * opened once more.
 * @returns the list's input
 */
async function quickInput(page: Page, key: string, placeholder: string, text: string): Promise<Locator> {
  const input = page.locator(".quick-input-widget").getByPlaceholder(placeholder);
  const open = async (timeout: { timeout?: number }) => {
    await page.keyboard.press(key);
    await input.waitFor(timeout);
    await input.fill(text, timeout);
  };
  await open({ timeout: 10_000 }).catch(() => open({}));
  return input;
}
