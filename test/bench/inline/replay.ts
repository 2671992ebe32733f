/** Types sessions into a real VS Code and looks at what it shows. */
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { root } from "../../../scripts/root.mjs";
import { bundleSuite } from "../../support/hostReport.js";
import { startWorkbench, type Workbench } from "../../support/workbench.js";
import { type GhostText, type Sight, watchGhostText } from "./ghostText.js";
import { beginRequest, costRequest, endNotification, openRequest, textRequest } from "./protocol.js";
import { type InlineResult, type Pause, Tally } from "./result.js";
import { type Session, sharedLength } from "./sessions.js";

/** Keys a second, from and to. */
const slowest = 5;
const fastest = 9;
/** How long an answer streams alone, before that is measured and while it is, in ms. */
const warmUpMs = 10_000;
const aloneMs = 30_000;

/** Nothing but the keys changes the text. */
const editorSettings = {
  "editor.acceptSuggestionOnEnter": "off",
  "editor.autoClosingBrackets": "never",
  "editor.autoClosingQuotes": "never",
  "editor.autoClosingComments": "never",
  "editor.autoIndent": "none",
  "editor.autoSurround": "never",
  "editor.formatOnType": false,
  "editor.inlineSuggest.enabled": true,
  "editor.minimap.enabled": false,
  "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
  "editor.suggestOnTriggerCharacters": false,
  "editor.parameterHints.enabled": false,
  "editor.trimAutoWhitespace": false,
  "editor.wordBasedSuggestions": "off",
  "editor.linkedEditing": false,
  "files.autoSave": "off",
  "html.autoClosingTags": false,
  "javascript.autoClosingTags": false,
  "typescript.autoClosingTags": false,
  "typescript.validate.enable": false,
  "javascript.validate.enable": false,
};

export interface ReplayOptions {
  sessions: readonly Session[];
  model: string;
  ramCap: string;
  naive: boolean;
  /** A model that answers all the time, beside the one that suggests. */
  chatModel?: string | undefined;
  /** No session is begun any more. */
  isOver(): boolean;
  onSession(done: number): void;
}

export async function replay(options: ReplayOptions): Promise<InlineResult> {
  const socket = path.join(root, `build/test/inline-bench-${process.pid}.sock`);
  const suite = await bundleSuite(path.join(root, "test/bench/inline/suite.ts"));
  const server = createServer();
  const connected = new Promise<MessageConnection>((resolve) => {
    server.once("connection", (stream) => {
      const connection = createMessageConnection(new StreamMessageReader(stream), new StreamMessageWriter(stream));
      connection.listen();
      resolve(connection);
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const workbench = await startWorkbench({
    settings: {
      ...editorSettings,
      "flint.model": options.chatModel ?? options.model,
      ...(options.chatModel !== undefined && { "flint.inlineModel": options.model }),
      "flint.ramCap": options.ramCap,
      ...(options.naive && { "flint.inline.languages": { "*": false } }),
    },
    env: { FLINT_BENCH_SOCKET: socket },
    flags: ["--enable-smoke-test-driver"],
  });
  try {
    const { page } = workbench;
    await openWindow(workbench, suite);
    const connection = await connected;
    const chats = options.chatModel !== undefined;
    await connection.sendRequest(beginRequest, { naive: options.naive, chats });
    const alone = chats ? await chatSpeed(connection) : undefined;
    const ghostText = await watchGhostText(page);
    const result = await typeAll(options, page, connection, ghostText, alone);
    await connection.sendNotification(endNotification);
    return result;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The replay did not run to its end: ${reason}`, { cause: error });
  } finally {
    server.close();
    await workbench.close();
  }
}

/** Tokens a second of the answer that streams, while nobody types. The first are the prompt's, and those of experts not yet read. */
async function chatSpeed(connection: MessageConnection): Promise<number> {
  await sleep(warmUpMs);
  const { chatTokens } = await connection.sendRequest(costRequest);
  await sleep(aloneMs);
  const later = await connection.sendRequest(costRequest);
  return (1000 * (later.chatTokens - chatTokens)) / aloneMs;
}

async function openWindow(workbench: Workbench, suite: string): Promise<void> {
  const { page } = workbench;
  await page.exposeFunction("codeAutomationLog", () => undefined);
  await page.exposeFunction("codeAutomationExit", () => undefined);
  const remote = (file: string) => `vscode-remote://remote${file}`;
  const payload = [
    ["extensionDevelopmentPath", remote(workbench.extensionFolder)],
    ["extensionTestsPath", remote(suite)],
    ["skipWelcome", "true"],
  ];
  await page.goto(workbench.address({ payload: JSON.stringify(payload) }));
  await page.locator(".monaco-workbench").waitFor();
}

async function typeAll(
  { sessions, isOver, onSession }: ReplayOptions,
  page: Page,
  connection: MessageConnection,
  ghostText: GhostText,
  chatAlone: number | undefined,
): Promise<InlineResult> {
  const tally = new Tally();
  const interval = intervals();
  const total = { evaluatedTokens: 0, started: 0, aborted: 0, shown: 0, cpuSeconds: 0, minutes: 0, chatTokens: 0 };
  for (const [i, session] of sessions.entries()) {
    if (isOver()) break;
    const { files, path: name, before, after } = session;
    await connection.sendRequest(openRequest, {
      files: { ...files, [name]: before + after },
      path: name,
      offset: before.length,
    });
    await page.locator(".monaco-editor.focused, .editor-instance .monaco-editor").first().waitFor();
    await ghostText.take();
    const begun = await connection.sendRequest(costRequest);
    const begin = performance.now();
    const { pauses, shown } = await typeSession(session, page, ghostText, tally, interval);
    total.minutes += (performance.now() - begin) / 60_000;
    const ended = await connection.sendRequest(costRequest);
    total.cpuSeconds += ended.cpuSeconds - begun.cpuSeconds;
    total.chatTokens += ended.chatTokens - begun.chatTokens;
    total.evaluatedTokens += ended.completions.evaluatedTokens - begun.completions.evaluatedTokens;
    total.started += ended.completions.started - begun.completions.started;
    total.aborted += ended.completions.aborted - begun.completions.aborted;
    total.shown += shown;
    const typed = plain(await connection.sendRequest(textRequest));
    const wanted = plain(before + session.typed + after);
    if (typed !== wanted) {
      // The language's extension has typed along: what was shown until then counts all the same.
      const at = sharedLength(typed, wanted);
      const [got, instead] = [typed, wanted].map((text) => JSON.stringify(text.slice(Math.max(0, at - 20), at + 30)));
      process.stderr.write(`Session ${i + 1}: the editor has ${got} instead of ${instead}.\n`);
    }
    tally.session(session, pauses);
    onSession(i + 1);
  }
  const { evaluatedTokens, cpuSeconds, minutes, started, aborted, shown, chatTokens } = total;
  const { completions } = await connection.sendRequest(costRequest);
  const requests = { started, aborted, shown };
  const result = tally.result({ evaluatedTokens, cpuSeconds, minutes, requests, abortMs: completions.abortMs });
  if (chatAlone === undefined) return result;
  return { ...result, chatTokensPerSecond: { alone: chatAlone, whileTyping: chatTokens / (60 * minutes) } };
}

async function typeSession(
  { typed, pausesMs }: Session,
  page: Page,
  ghostText: GhostText,
  tally: Tally,
  interval: () => number,
): Promise<{ pauses: Pause[]; shown: number }> {
  const pauses: Pause[] = [];
  let current = "";
  let shown = 0;
  for (let index = 0; index <= typed.length; index++) {
    const pause = pausesMs.filter(([at]) => at === index).reduce((sum, [, ms]) => sum + ms, 0);
    if (pause > 0) await sleep(pause);
    else if (index > 0) await sleep(interval());
    const { sights, keyMs } = await ghostText.take();
    if (index > 0) {
      const key = typed[index - 1] ?? "";
      const { changed, stayed, appeared } = judge(current, key, sights);
      if (changed) tally.flicker++;
      if (stayed) tally.stale++;
      // For looking at: neither should ever be.
      if (changed || stayed) {
        const seen = sights.map(({ text, ms }) => `${Math.round(ms - keyMs)} ms ${JSON.stringify(text)}`);
        const what = `${changed ? "flicker" : "stale"} at ${JSON.stringify(typed.slice(Math.max(0, index - 20), index))}`;
        process.stderr.write(`${what}: ${JSON.stringify(current)} became ${seen.join(", ") || "nothing else"}\n`);
      }
      if (appeared) shown++;
    }
    const before = current;
    current = sights.at(-1)?.text ?? current;
    if (pause > 0) pauses.push({ index, shown: current, ...latency(before, current, sights, keyMs, index) });
    const next = typed[index];
    if (next === undefined) break;
    tally.keystrokes++;
    // Tab would accept.
    if (next === "\t") await page.keyboard.insertText(next);
    else await page.keyboard.type(next);
  }
  return { pauses, shown };
}

/** What a key has done to what was shown before it. */
function judge(before: string, key: string, sights: readonly Sight[]) {
  const texts = sights.map(({ text }) => text);
  const along = before !== "" && before.startsWith(key);
  const rest = before.slice(key.length);
  return {
    // Drawing the rest takes a moment: what is there until then counts as it was.
    changed: along && rest.trim() !== "" && texts.some((text) => text !== rest && text !== before),
    stayed: before !== "" && !along && texts.length === 0,
    appeared: !along && texts.some((text) => text !== ""),
  };
}

function latency(before: string, shown: string, sights: readonly Sight[], keyMs: number, index: number) {
  if (shown === "" || index === 0) return {};
  // The last change is when it was complete.
  const last = sights.findLast(({ text }) => text !== "");
  if (!last) return before === "" ? {} : { latencyMs: 0 };
  return { latencyMs: Math.max(0, last.ms - keyMs) };
}

const plain = (text: string) => text.replaceAll("\r\n", "\n");

/** Times between keys in ms, as irregular as a person's and the same in each run. */
function intervals(): () => number {
  let seed = 1;
  return () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return 1000 / (slowest + (fastest - slowest) * (seed / 2_147_483_647));
  };
}
