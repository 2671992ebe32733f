/** The window as a person uses it: the chat panel, commands, files. */
import type { FrameLocator, Locator, Page } from "playwright-core";
import { expect } from "vitest";

const minute = 60_000;

/** The chat panel of a window. */
export class ChatPanel {
  /** The panel's own document. */
  readonly document: FrameLocator;
  readonly input: Locator;
  readonly answers: Locator;
  readonly questions: Locator;

  constructor(private readonly page: Page) {
    this.document = page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
    this.input = this.document.getByRole("textbox", { name: "Ask Flint" });
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

  async ask(question: string): Promise<void> {
    await this.input.fill(question);
    await this.button("Send").click();
  }

  /** Ends the answer under way, unless the model has ended it: small ones may go on for ever. */
  async endAnswer(): Promise<void> {
    await this.input.press("Escape");
    await this.button("Send").waitFor();
  }

  /**
   * Has something asked and its answer stopped; again where the model had so little to say that it was done before.
   * @throws when that happens five times
   */
  async askAndStop(ask: () => Promise<void>, stop: () => Promise<void>): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const answer = this.answers.nth(await this.answers.count());
      await ask();
      const said = await beginning(answer.locator("p, li, pre").first());
      const state = (name: string) => answer.and(this.document.locator(`[data-state=${name}]`)).waitFor();
      const stopped = Promise.all([stop(), state("stopped")]).then(() => true);
      // Whichever of the two does not happen fails some time later, which is of no interest any more.
      stopped.catch(() => undefined);
      const done = state("done").then(() => false);
      done.catch(() => undefined);
      if (!(await Promise.race([stopped, done]))) continue;
      expect(await answer.textContent()).toContain(said);
      return;
    }
    throw new Error("No answer was long enough to be stopped.");
  }
}

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
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget input").waitFor();
  await page.keyboard.type(title);
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: title }).waitFor();
  await page.keyboard.press("Enter");
}

/**
 * Opens a file of the folder with the keyboard.
 * @returns its lines
 */
export async function openFile(page: Page, name: string): Promise<Locator> {
  await page.keyboard.press("Control+p");
  await page.locator(".quick-input-widget input").waitFor();
  await page.keyboard.type(name);
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: name }).waitFor();
  await page.keyboard.press("Enter");
  const lines = page.locator(`.monaco-editor[data-uri$='${name}'] .view-lines`);
  await lines.waitFor();
  return lines;
}
