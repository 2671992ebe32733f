/** The chat panel for everybody: axe finds nothing in any theme, also narrow and enlarged, and the keyboard reaches all. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Message } from "../../webview/messages.js";
import { frameOf, violations } from "../support/axe.js";
import { ChatPanel, chooseTheme } from "../support/chatPanel.js";
import { widerThan } from "../support/narrow.js";
import { showConversation } from "../support/storage.js";
import { keepFailure, picture, startWorkbench, type Workbench } from "../support/workbench.js";

const themes = ["Dark Modern", "Light Modern", "Dark High Contrast", "Light High Contrast"];

const text = [
  "# Title",
  "Some *text* with `code`, a [link](https://example.com) and \\(x^2\\).",
  "- one\n- two",
  "| a | b |\n|---|--:|\n| 1 | 2<br>3 |",
  "> quoted",
  "```ts src/add.ts\n// Adds two numbers.\nexport function add(a: number, b: number): number {\n  return a + b + Number('1') / 2;\n}\n```",
  "```python\nclass A(B):\n    @property\n    def f(self):\n        return re.match(r'a', f\"{self}\") and None\n```",
  '```html\n<!-- c --><a href="b">&amp;</a>\n```',
  "```diff\n-old\n+new\n```",
  "the end",
].join("\n\n");

const conversation: Message[] = [
  { id: "question", role: "user", text: "Why does this loop never end?", attachments: [] },
  {
    ...{ id: "answer", role: "assistant", state: "done", text, detail: "5.2 tokens/s" },
    thought: { text: "First I look at the loop.", tokens: 1234, durationMs: 61_000 },
  },
  {
    ...{ id: "second", role: "user", text: "And now?" },
    attachments: [{ label: "main.ts 12–40", name: "main.ts", firstLine: 12, language: "typescript", text: "let i;" }],
  },
  { id: "failed", role: "assistant", state: "stopped", text: "It", detail: "5.2 tokens/s", seenFrom: "second" },
];

let workbench: Workbench;
let panel: ChatPanel;

beforeAll(async () => {
  workbench = await startWorkbench({ settings: {} });
  const { page } = workbench;
  await page.goto(workbench.address());
  panel = new ChatPanel(page);
  await panel.open();
  await showConversation(workbench, conversation);
  await panel.document.getByText("the end", { exact: true }).waitFor();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await keepFailure(workbench, task.name);
});

afterAll(() => workbench?.close());

async function setTheme(name: string): Promise<void> {
  await chooseTheme(workbench.page, name);
  const isLight = name.startsWith("Light");
  await panel.document
    .locator(
      `body[data-vscode-theme-kind$=${isLight ? "light" : name.includes("Contrast") ? "high-contrast" : "dark"}]`,
    )
    .waitFor();
}

test.each(themes)("axe finds nothing in %s", async (theme) => {
  await setTheme(theme);
  await picture(workbench.page, `theme-${theme.toLowerCase().replaceAll(" ", "-")}`);
  // The colours of a theme come one after the other.
  await expect.poll(() => violations(panel)).toEqual([]);
});

test("a question is legible in high contrast", async () => {
  await setTheme("Dark High Contrast");
  const colors = await panel.questions
    .first()
    .locator(".body")
    .evaluate((body) => {
      const { color, backgroundColor } = getComputedStyle(body);
      return { color, backgroundColor };
    });
  expect(colors).toEqual({ color: "rgb(255, 255, 255)", backgroundColor: "rgb(0, 0, 0)" });
});

test.each([
  ["200 px wide", 200],
  ["as wide as with a zoom of 200%", 160],
])("nothing but code and tables is wider than the panel, %s", async (_, width) => {
  const frame = await frameOf(panel);
  const wide = await widerThan(frame, width);
  expect(wide).toEqual([]);
});

test("the keyboard reaches the buttons of code, and what scrolls", async () => {
  await panel.input.focus();
  const reached = new Set<string>();
  const frame = await frameOf(panel);
  for (let press = 0; press < 60; press++) {
    await workbench.page.keyboard.press("Shift+Tab");
    const name = await frame.evaluate(() => {
      const active = document.activeElement;
      return (
        active?.shadowRoot?.activeElement?.ariaLabel ??
        active?.getAttribute("label") ??
        active?.ariaLabel ??
        active?.className ??
        ""
      );
    });
    reached.add(name);
  }
  for (const name of [
    "Copy code",
    "Insert at cursor",
    "Apply to file",
    "New file",
    "Run in terminal",
    "Code in ts",
    "Table",
    "Conversation",
  ]) {
    expect(reached).toContain(name);
  }
});
