/** The page of the chat panel by itself in a real browser, with its own policy, as the extension would fill it. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { chromium, type Page } from "playwright-core";
import { chatPage } from "../../extension/chat/panel/html.js";
import { browser } from "../../scripts/browser.mjs";
import { root } from "../../scripts/root.mjs";
import type { Draft, FromWebview, ShownMessage, Status, ToWebview } from "../../webview/messages.js";

const origin = "http://flint.test";
const types: Readonly<Record<string, string>> = { ".js": "text/javascript", ".css": "text/css", ".ttf": "font/ttf" };
const idle: Status = { phase: "ready", model: "Test", numbers: [] };

export interface PanelPage {
  readonly page: Page;
  /** Sends what the extension would send. */
  send(...messages: ToWebview[]): Promise<void>;
  /** Shows a conversation. */
  show(messages: readonly ShownMessage[]): Promise<void>;
  /** What the page has sent. */
  sent(): Promise<FromWebview[]>;
  close(): Promise<void>;
}

interface PanelPageOptions {
  /** Of the panel, in pixels. */
  width?: number;
  /** As `vscode.env.language` and `vscode.l10n.bundle`. */
  language?: string;
  translations?: Readonly<Record<string, string>>;
  /** What the extension has kept of the last time; undefined: it has not said so yet. */
  draft?: Draft | undefined;
}

/** @throws when `npm run build` has not been run, or there is no browser */
export async function openPanelPage(options: PanelPageOptions = {}): Promise<PanelPage> {
  const { width = 400, language = "en", translations = {}, draft } = { draft: { text: "" }, ...options };
  const { executablePath, args, env } = await browser();
  const started = await chromium.launch({
    executablePath,
    args,
    env: { ...process.env, ...env } as Record<string, string>,
  });
  const page = await started.newPage({ viewport: { width, height: 800 } });
  await page.route(`${origin}/**`, async (route) => {
    const name = new URL(route.request().url()).pathname.slice(1);
    if (name === "") {
      const parts = { cspSource: origin, nonce: "test", scriptUri: "/webview.js", styleUri: "/webview.css" };
      await route.fulfill({ contentType: "text/html", body: chatPage({ ...parts, language, translations }) });
      return;
    }
    const body = await readFile(path.join(root, "dist", path.basename(name)));
    await route.fulfill({ contentType: types[path.extname(name)] ?? "application/octet-stream", body });
  });
  await page.addInitScript(() => {
    const sent: unknown[] = [];
    Object.assign(window, {
      sent,
      acquireVsCodeApi: () => ({ postMessage: (message: unknown) => sent.push(message) }),
    });
  });
  await page.goto(`${origin}/`);
  const send = async (...messages: ToWebview[]) => {
    await page.evaluate((all) => {
      for (const data of all) window.dispatchEvent(new MessageEvent("message", { data }));
    }, messages);
  };
  await send({ type: "status", status: idle });
  if (draft) await send({ type: "draft", draft });
  return {
    page,
    send,
    show: (messages) =>
      send({ type: "conversation", sessionId: "test", messages: [...messages], queue: [], canUndo: false }),
    sent: () => page.evaluate(() => (window as unknown as { sent: FromWebview[] }).sent),
    close: () => started.close(),
  };
}
