/** VS Code in another language: commands, views, the walkthrough and the panel speak it, and fit into a narrow side bar. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/root.mjs";
import type { Problem, ShownMessage } from "../../webview/messages.js";
import { ChatPanel, runCommand } from "../support/chatPanel.js";
import { widerThan } from "../support/narrow.js";
import { openPanelPage } from "../support/panelPage.js";
import { keepFailure, picture, startWorkbench, type Workbench } from "../support/workbench.js";

describe("the workbench in German", () => {
  let workbench: Workbench;
  let page: Page;
  let panel: ChatPanel;

  beforeAll(async () => {
    workbench = await startWorkbench({ settings: {} });
    ({ page } = workbench);
    // As the language pack sets it, which is not to be had here: VS Code's own words stay English.
    await page.addInitScript(() => Object.assign(globalThis, { _VSCODE_NLS_LANGUAGE: "de" }));
    await page.goto(workbench.address());
    panel = new ChatPanel(page, "Flint fragen");
    await panel.open();
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await keepFailure(workbench, task.name);
  });

  afterAll(() => workbench?.close());

  test("the panel, the views and the status bar speak it", async () => {
    const sentence = "Flint führt Sprachmodelle auf diesem Computer aus, innerhalb des festgelegten RAM-Limits.";
    await panel.document.getByText(sentence).waitFor();
    await panel.document.locator("html[lang=de]").waitFor({ state: "attached" });
    await page.locator(".statusbar", { hasText: "Flint: kein Modell" }).waitFor();
    await page.locator(".pane-header", { hasText: "Modelle" }).waitFor();
    await page.getByText("Es sind noch keine Modelle vorhanden.").waitFor();
    await picture(page, "german");
  });

  test("commands and what they ask speak it", async () => {
    await runCommand(page, "Flint: RAM-Limit ändern");
    await page.getByText(/Der Arbeitsspeicher, den die Engine höchstens verwenden darf.* hat \d+,\d GiB\./).waitFor();
    await page.keyboard.press("Escape");
  });

  test("the walkthrough speaks it, its pages too", async () => {
    await runCommand(page, "Welcome: Open Walkthrough...");
    await page.locator(".quick-input-widget input").waitFor();
    await page.keyboard.type("Erste Schritte mit Flint");
    await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: "Erste Schritte mit Flint" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Ein Modell herunterladen" }).waitFor();
    const media = page.locator(".getting-started-media iframe").contentFrame().locator("#active-frame").contentFrame();
    // In an editor of this width VS Code hides it.
    await media.getByText("bietet empfohlene Modelle an").waitFor({ state: "attached" });
  });
});

test("the engine speaks German too, from a real model", async () => {
  const model = path.join(root, "test/fixtures/flint-tiny-relu2-f16.gguf");
  const workbench = await startWorkbench({ settings: { "flint.model": model, "flint.ramCap": "1GiB" } });
  try {
    const { page } = workbench;
    await page.addInitScript(() => Object.assign(globalThis, { _VSCODE_NLS_LANGUAGE: "de" }));
    await page.goto(workbench.address());
    const panel = new ChatPanel(page, "Flint fragen");
    await panel.open();
    await panel.document.getByText("flint-tiny-relu2-f16.gguf ist ein Basismodell: Es setzt Text fort").waitFor();
  } catch (error) {
    await keepFailure(workbench, "the engine speaks German");
    throw error;
  } finally {
    await workbench.close();
  }
});

const problem: Problem = {
  message: "Qwen2.5-Coder-1.5B braucht mit einem Kontext von 32.768 mindestens 2,9 GiB; das Limit ist 2,0 GiB.",
  actions: [
    { label: "Limit auf 3 GiB erhöhen", action: { kind: "raiseCap", bytes: 3 * 1024 ** 3 } },
    { label: "Anderes Modell auswählen", action: { kind: "chooseModel" } },
  ],
};
const versions = { ids: ["first", "second"], index: 1 };
const attachments = [
  {
    label: "main.ts 12–40",
    name: "main.ts",
    firstLine: 12,
    language: "typescript",
    text: "const a = 1;",
    tokens: 1234,
  },
];
const conversation: ShownMessage[] = [
  { id: "question", role: "user", text: "Warum?", attachments, versions },
  {
    id: "answer",
    role: "assistant",
    text: "```ts\nconst a = 1;\n```",
    state: "stopped",
    detail: "5,2 Token/s",
    versions,
  },
  { id: "again", role: "user", text: "Und jetzt?", attachments: [] },
  { id: "second", role: "assistant", text: "Darum.", state: "error", problem },
];

test.each(["de", "zh-cn"])("nothing but code is wider than a panel of 200 pixels: %s", async (language) => {
  const bundle = await readFile(path.join(root, `l10n/bundle.l10n.${language}.json`), "utf8");
  const translations: Record<string, string> = JSON.parse(bundle);
  const text = (english: string) => translations[english] ?? english;
  const panel = await openPanelPage({ width: 200, language, translations });
  try {
    const frame = panel.page.mainFrame();
    const narrow = async (name: string) => {
      await picture(panel.page, `narrow-${language}-${name}`);
      expect(await widerThan(frame, 200)).toEqual([]);
    };
    await panel.send({ type: "openEditor", editor: { label: "main.ts 12–40", key: "editor" } });
    await panel.page
      .getByRole("button", { name: text("Write tests for {0}").replace("{0}", "main.ts 12–40") })
      .waitFor();
    await narrow("welcome");

    const queue = [{ id: "queued", text: "Und dann?", labels: ["main.ts"] }];
    const session = { type: "conversation", sessionId: "test", canUndo: true, notice: problem } as const;
    await panel.send(
      { ...session, messages: conversation, queue },
      {
        type: "context",
        chips: [
          { id: "chip", key: "chip", label: "main.ts 12–40", icon: "file", tokens: 1234, omitted: problem.message },
        ],
        meter: { promptTokens: 3120, contextTokens: 8192, notice: problem.message },
      },
      {
        type: "status",
        status: {
          phase: "reading",
          model: "Qwen2.5-Coder-1.5B-Instruct-Q4_K_M",
          place: text("this machine"),
          activity: text("Reading your prompt"),
          fraction: 0.4,
          numbers: ["5,2 Token/s", "erstes Wort nach 1,2 s", "5,8 von 6,0 GiB", "Trefferquote 91 %"],
        },
      },
    );
    await panel.page.getByRole("button", { name: text("Copy code") }).waitFor();
    await panel.page.getByText(text("The question and its answer were deleted.")).waitFor();
    const tokens = text("{0} of {1} tokens").replace("{0}", language === "de" ? "3.120" : "3,120");
    await panel.page.getByText(tokens.replace("{1}", language === "de" ? "8.192" : "8,192")).waitFor();
    await narrow("conversation");

    await panel.page
      .getByRole("button", { name: text("Edit question") })
      .first()
      .click();
    await panel.page
      .getByText(text("Sending this replaces the question and everything after it. What was there can be shown again."))
      .waitFor();
    await narrow("editing");
  } finally {
    await panel.close();
  }
});
