/** What is done with conversations as a whole: the list of them, and renaming, exporting and deleting one. */
import { homedir } from "node:os";
import * as vscode from "vscode";
import { type ConversationSummary, titleOfConversation } from "../chat/sessions/conversation.js";
import type { Conversations } from "../chat/sessions/conversations.js";
import { toMarkdown } from "../chat/sessions/markdown.js";
import { timeAgo } from "../chat/sessions/timeAgo.js";
import type { FlintContext } from "./context.js";

type What = "open" | "rename" | "export" | "delete";

interface Choice {
  what: What;
  summary: ConversationSummary;
  /** What was searched for. */
  search: string;
}

/** Lists all conversations to search in, to open, and to rename, export or delete one. */
export async function showHistory({ conversations, chat }: FlintContext): Promise<void> {
  let search = "";
  for (;;) {
    const choice = await choose(conversations, search);
    if (!choice) return;
    const { what, summary } = choice;
    search = choice.search;
    switch (what) {
      case "open":
        await conversations.open(summary.id);
        return chat.focus();
      case "rename":
        await renameConversation(conversations, summary);
        break;
      case "export":
        return exportConversation(conversations, summary.id);
      case "delete":
        await deleteConversation(conversations, summary.id);
        break;
    }
  }
}

interface Row extends vscode.QuickPickItem {
  summary: ConversationSummary;
}
interface RowButton extends vscode.QuickInputButton {
  what: What;
}

async function choose(conversations: Conversations, search: string): Promise<Choice | undefined> {
  const summaries = await conversations.list();
  const buttons: RowButton[] = [
    { what: "rename", iconPath: new vscode.ThemeIcon("edit"), tooltip: vscode.l10n.t("Rename") },
    { what: "export", iconPath: new vscode.ThemeIcon("markdown"), tooltip: vscode.l10n.t("Export as Markdown") },
    { what: "delete", iconPath: new vscode.ThemeIcon("trash"), tooltip: vscode.l10n.t("Delete") },
  ];
  const pick = vscode.window.createQuickPick<Row>();
  pick.title = vscode.l10n.t("Chats");
  pick.placeholder = summaries.length === 0 ? vscode.l10n.t("There are no chats yet") : vscode.l10n.t("Search chats");
  pick.value = search;
  const now = Date.now();
  /** @param said ids of those in which what is searched for was said */
  const show = (said: ReadonlySet<string>) => {
    pick.items = summaries.map((summary) => {
      const ago = timeAgo(summary.updatedAt, now, vscode.env.language);
      const isCurrent = summary.id === conversations.current.id;
      return {
        label: summary.title || vscode.l10n.t("Untitled chat"),
        description: isCurrent ? vscode.l10n.t("{0}, shown now", ago) : ago,
        alwaysShow: said.has(summary.id),
        buttons,
        summary,
      };
    });
  };
  show(new Set());
  const stopSearching = searchWhileTyping(pick, conversations, show);
  try {
    return await new Promise((resolve) => {
      const settle = (what: What, summary: ConversationSummary | undefined) =>
        resolve(summary && { what, summary, search: pick.value });
      pick.onDidTriggerItemButton(({ item, button }) => {
        const pressed = buttons.find((each) => each === button);
        if (pressed) settle(pressed.what, item.summary);
      });
      pick.onDidAccept(() => settle("open", pick.activeItems[0]?.summary));
      pick.onDidHide(() => resolve(undefined));
      pick.show();
    });
  } finally {
    stopSearching();
    pick.dispose();
  }
}

/** Shorter texts, in characters, occur nearly everywhere. */
const shortestSearch = 3;
/** How long the input must rest, in ms. */
const searchAfterMs = 200;

/** Titles are searched by the list itself; this finds what was said. @returns ends it */
function searchWhileTyping(
  pick: vscode.QuickPick<Row>,
  conversations: Conversations,
  show: (said: ReadonlySet<string>) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let searching = new AbortController();
  let byTitleOnly = true;
  const stop = () => {
    clearTimeout(timer);
    searching.abort();
  };
  pick.onDidChangeValue((value) => {
    stop();
    searching = new AbortController();
    const { signal } = searching;
    const text = value.trim();
    timer = setTimeout(async () => {
      pick.busy = true;
      const isLong = text.length >= shortestSearch;
      // Without it, titles are still searched.
      const said = isLong ? await conversations.search(text, signal).catch(() => undefined) : undefined;
      if (signal.aborted) return;
      pick.busy = false;
      // The list begins anew: not where it would be the same.
      if (byTitleOnly && !said?.size) return;
      byTitleOnly = !said?.size;
      show(said ?? new Set());
    }, searchAfterMs);
  });
  return stop;
}

/** Asks for another title. @param summary absent: of the conversation on show */
export async function renameConversation(
  conversations: Conversations,
  summary: Pick<ConversationSummary, "id" | "title"> = conversations.current,
): Promise<void> {
  const { id, title } = summary;
  const given = await vscode.window.showInputBox({
    title: vscode.l10n.t("Rename Chat"),
    prompt: vscode.l10n.t("Leave it empty for the title of the first question."),
    value: title,
  });
  if (given !== undefined) await conversations.rename(id, given);
}

/** Writes a conversation into a file that a person names. @param id absent: of the one on show */
export async function exportConversation(
  conversations: Conversations,
  id: string = conversations.current.id,
): Promise<void> {
  const conversation = await conversations.read(id);
  if (!conversation || conversation.tree.nodes.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t("There is nothing to export: nothing was asked yet."));
    return;
  }
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(homedir());
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(folder, `${fileNameOf(titleOfConversation(conversation))}.md`),
    filters: { Markdown: ["md"] },
    title: vscode.l10n.t("Export as Markdown"),
  });
  if (!target) return;
  await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(toMarkdown(conversation)));
  await vscode.window.showTextDocument(target);
}

/** Deletes a conversation, and offers to have it back. @param id absent: of the one on show */
export async function deleteConversation(
  conversations: Conversations,
  id: string = conversations.current.id,
): Promise<void> {
  if (id === conversations.current.id && conversations.current.isEmpty) return;
  const undo = await conversations.delete(id);
  const label = vscode.l10n.t("Undo");
  // The list goes on meanwhile.
  void vscode.window.showInformationMessage(vscode.l10n.t("The chat was deleted."), label).then(async (chosen) => {
    if (chosen === label) await undo();
  });
}

/** Says where a conversation is kept that can't be read. */
export function tellDamaged(keptAt: string): void {
  const message = vscode.l10n.t("A chat could not be read. Its file is kept: {0}", keptAt);
  void vscode.window.showWarningMessage(message);
}

/** Says that another window has gone on with a conversation too. */
export function tellMerged(title: string): void {
  const message = vscode.l10n.t(
    "Another window has gone on with “{0}” too: the arrows beside a question or an answer show what was said there.",
    title,
  );
  void vscode.window.showInformationMessage(message);
}

/** An answer that took longer than this, in ms, may have been left alone. */
const longAnswerMs = 20_000;

/** Tells when a long answer has ended and the person looks at another window. */
export function tellOfLongAnswers({ conversations, chat }: FlintContext): vscode.Disposable {
  return conversations.onDidAnswer(async ({ id, title, failed, elapsedMs }) => {
    if (elapsedMs < longAnswerMs || vscode.window.state.focused) return;
    const seconds = Math.round(elapsedMs / 1000);
    const message = failed
      ? vscode.l10n.t("Flint could not answer “{0}”.", title)
      : vscode.l10n.t("Flint has answered “{0}” in {1} s.", title, seconds);
    const show = vscode.l10n.t("Show");
    if ((await vscode.window.showInformationMessage(message, show)) !== show) return;
    await conversations.open(id);
    await chat.focus();
  });
}

/** A title without what a file's name can't have. */
const fileNameOf = (title: string): string =>
  title
    .replace(/[^\p{L}\p{N} _-]+/gu, "")
    .trim()
    .slice(0, 60) || "chat";
