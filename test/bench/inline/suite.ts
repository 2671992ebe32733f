/** Runs inside the extension host and does what test/bench/inline/main.ts asks for. */
import { readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as vscode from "vscode";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";
import type { FlintApi } from "../../../extension/api.js";
import { beginRequest, costRequest, endNotification, type OpenParams, openRequest, textRequest } from "./protocol.js";

/** As long as nothing is asked for, in ms, all is read; and how long that may take at most. */
const quietMs = 1500;
const patienceMs = 60_000;
/** Of the baseline. */
const naiveDebounceMs = 300;
const naiveTokens = 64;
const clockTicks = 100;

/** Entry point that VS Code calls. */
export async function run(): Promise<void> {
  const { FLINT_BENCH_SOCKET: address } = process.env;
  const extension = vscode.extensions.getExtension<FlintApi>("flint.flint");
  if (!address || !extension) throw new Error("The bench or Flint is not there.");
  const { engine } = await extension.activate();
  const socket = createConnection(address);
  const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
  const chat = { tokens: 0, stop: new vscode.CancellationTokenSource() };
  connection.onRequest(beginRequest, async ({ naive, chats }) => {
    await engine.load();
    if (naive) registerNaive(engine);
    if (chats) void keepChatting(engine, chat);
  });
  connection.onRequest(openRequest, async (params) => {
    await open(params);
    await untilQuiet(engine);
  });
  connection.onRequest(textRequest, () => vscode.window.activeTextEditor?.document.getText() ?? "");
  connection.onRequest(costRequest, async () => ({
    completions: engine.completions(),
    cpuSeconds: (await cpuSeconds(process.pid)) + (await cpuSeconds(engine.pid())),
    chatTokens: chat.tokens,
  }));
  const ended = new Promise<void>((resolve) => connection.onNotification(endNotification, () => resolve()));
  connection.listen();
  await ended;
  chat.stop.cancel();
  connection.end();
}

/** Asks again as soon as it is answered. */
async function keepChatting(
  engine: FlintApi["engine"],
  chat: { tokens: number; stop: vscode.CancellationTokenSource },
): Promise<void> {
  const question = [
    { role: "user" as const, text: "Tell me a long story about a dragon who learns to write programs." },
  ];
  while (!chat.stop.token.isCancellationRequested) {
    await engine.chat(question, () => chat.tokens++, chat.stop.token);
  }
}

async function open({ files, path: name, offset }: OpenParams): Promise<void> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  if (!folder) throw new Error("No folder is open.");
  await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  for (const [entry] of await vscode.workspace.fs.readDirectory(folder.uri)) {
    await vscode.workspace.fs.delete(vscode.Uri.joinPath(folder.uri, entry), { recursive: true });
  }
  for (const [file, text] of Object.entries(files)) {
    const uri = vscode.Uri.joinPath(folder.uri, path.posix.normalize(file));
    await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  }
  // The editor alone keeps the document: one that the API opens stays for minutes, with its old text.
  await vscode.commands.executeCommand("vscode.open", vscode.Uri.joinPath(folder.uri, name));
  const editor = vscode.window.activeTextEditor;
  if (!editor) throw new Error(`${name} is not open.`);
  const { document } = editor;
  if (document.getText() !== files[name]) throw new Error(`${name} has the text of another session.`);
  const position = document.positionAt(offset);
  editor.selection = new vscode.Selection(position, position);
  editor.revealRange(new vscode.Range(position, position), vscode.TextEditorRevealType.InCenter);
}

async function untilQuiet({ completions }: FlintApi["engine"]): Promise<void> {
  const end = Date.now() + patienceMs;
  let started = -1;
  let since = Date.now();
  while (Date.now() < end) {
    const now = completions();
    if (now.pending > 0 || now.started !== started) since = Date.now();
    started = now.started;
    if (Date.now() - since >= quietMs) return;
    await sleep(100);
  }
}

/**
 * A pause of fixed length, the text around the cursor, what the model says: no cache, nothing is kept of what was read, and a request
 * comes to its end, as in VS Code's own example. (Ended by the next key it would read a few hundred tokens and never show anything.)
 */
function registerNaive(engine: FlintApi["engine"]): void {
  let asked = 0;
  const never = new vscode.CancellationTokenSource().token;
  vscode.languages.registerInlineCompletionItemProvider(
    { pattern: "**" },
    {
      async provideInlineCompletionItems(document, position, _, token) {
        await sleep(naiveDebounceMs);
        if (token.isCancellationRequested) return [];
        const text = document.getText();
        const offset = document.offsetAt(position);
        // With another first line nothing of the prompt before can be kept.
        const prefix = `${++asked}\n${text.slice(0, offset).split("\n").slice(-256).join("\n")}`;
        const suffix = text.slice(offset).split("\n").slice(0, 64).join("\n");
        const answer = await engine.complete(prefix, naiveTokens, never, suffix);
        if (!answer || token.isCancellationRequested || answer.text.trim() === "") return [];
        return [new vscode.InlineCompletionItem(answer.text, new vscode.Range(position, position))];
      },
    },
  );
}

/** User and system time of a process, in seconds; 0 where it can't be told. */
async function cpuSeconds(pid: number | undefined): Promise<number> {
  if (pid === undefined || process.platform !== "linux") return 0;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / clockTicks;
}
