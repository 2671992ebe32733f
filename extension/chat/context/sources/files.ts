import { posix } from "node:path";
import * as vscode from "vscode";
import type { Attachment } from "../../../../webview/messages.js";
import { decodeText } from "../decode.js";
import { listOf } from "../fit.js";
import { rankFiles } from "../rankFiles.js";
import { type ContextContent, type ContextSource, NothingToAttach } from "../source.js";
import { wholeDocument } from "./openEditor.js";
import { pathInWorkspace, workspaceFiles } from "./workspace.js";

/** In bytes: far more text than any context holds. */
const largestFile = 2_000_000;
/** Of a folder: enough to fill any context, little enough to be counted. */
const mostFiles = 200;
const mostCharacters = 1_000_000;

/** A file or a folder, whichever it is. @throws NothingToAttach */
export async function fileOrFolder(uri: vscode.Uri): Promise<ContextSource> {
  let type: vscode.FileType;
  try {
    ({ type } = await vscode.workspace.fs.stat(uri));
  } catch {
    throw new NothingToAttach(vscode.l10n.t("{0} could not be read.", uri.path));
  }
  return type & vscode.FileType.Directory ? folderSource(uri) : fileSource(uri);
}

export function fileSource(uri: vscode.Uri): ContextSource {
  const open = openDocument(uri);
  const source = open && wholeDocument(open);
  return (
    source ?? {
      key: uri.toString(),
      label: posix.basename(uri.path),
      icon: "file",
      uri: uri.toString(),
      read: async () => ({ attachments: [await readFile(uri)] }),
    }
  );
}

/** What was attached before a restart: a whole file is read again when it changes, all else stays as it was. */
export function attachedBefore(stored: Omit<ContextSource, "read">, content: ContextContent): ContextSource {
  const { uri } = stored;
  const isWhole = uri !== undefined && uri === stored.key;
  return { ...stored, read: async () => (isWhole ? fileSource(vscode.Uri.parse(uri)).read() : content) };
}

/** The files of a folder, those that matter most first. */
export function folderSource(uri: vscode.Uri): ContextSource {
  const name = pathInWorkspace(uri) ?? posix.basename(uri.path);
  return { key: uri.toString(), label: `${name}/`, icon: "folder", read: () => readFolder(uri) };
}

async function readFolder(folder: vscode.Uri): Promise<ContextContent> {
  const cancellation = new vscode.CancellationTokenSource();
  const found = await workspaceFiles(folder, cancellation.token).finally(() => cancellation.dispose());
  const open = new Set(vscode.workspace.textDocuments.map(({ uri }) => pathInWorkspace(uri) ?? ""));
  const attachments: Attachment[] = [];
  const unreadable: string[] = [];
  let characters = 0;
  let looked = 0;
  const ranked = rankFiles(found, open);
  for (const { uri, path } of ranked) {
    if (looked === mostFiles || characters > mostCharacters) break;
    looked += 1;
    try {
      const attachment = await readFile(uri);
      characters += attachment.text.length;
      if (attachment.text !== "") attachments.push({ ...attachment, label: path });
    } catch (error) {
      if (!(error instanceof NothingToAttach)) throw error;
      unreadable.push(path);
    }
  }
  if (attachments.length === 0) throw new NothingToAttach(vscode.l10n.t("The folder has no text files to attach."));
  const notices = [
    ...(unreadable.length === 0 ? [] : [vscode.l10n.t("Left out, as not text or too large: {0}.", listOf(unreadable))]),
    ...(looked === ranked.length
      ? []
      : [vscode.l10n.t("Only the first {1} of {0} files were read.", ranked.length, looked)]),
  ];
  return { attachments, ...(notices.length > 0 && { omitted: notices.join(" ") }) };
}

/** @throws NothingToAttach */
async function readFile(uri: vscode.Uri): Promise<Attachment> {
  const name = posix.basename(uri.path);
  const document = openDocument(uri);
  const text = document?.getText() ?? (await readText(uri, name));
  const path = pathInWorkspace(uri);
  const language = document?.languageId ?? (posix.extname(name).slice(1) || name.toLowerCase());
  const attachment = { label: name, name, firstLine: 1, language, text: text.replaceAll("\r\n", "\n").trimEnd() };
  return path === undefined ? attachment : { ...attachment, path };
}

async function readText(uri: vscode.Uri, name: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    const { size } = await vscode.workspace.fs.stat(uri);
    if (size > largestFile) throw new NothingToAttach(vscode.l10n.t("{0} is too large to be attached.", name));
    bytes = await vscode.workspace.fs.readFile(uri);
  } catch (error) {
    if (error instanceof NothingToAttach) throw error;
    throw new NothingToAttach(vscode.l10n.t("{0} could not be read.", name));
  }
  const text = decodeText(bytes);
  if (text === undefined) throw new NothingToAttach(vscode.l10n.t("{0} is not a text file.", name));
  return text;
}

/** With changes that are not saved. */
function openDocument(uri: vscode.Uri): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
}
