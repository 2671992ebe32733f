import { basename } from "node:path";
import * as vscode from "vscode";
import { meantEditor } from "../../meantEditor.js";
import { attach, attachmentLabel, type Excerpt } from "../attachment.js";
import { type ContextSource, NothingToAttach } from "../source.js";
import { pathInWorkspace } from "./workspace.js";

const schemes = new Set(["file", "untitled", "vscode-notebook-cell", "vscode-remote", "vscode-vfs"]);

/** What is selected in the editor that is meant, or all of its file; undefined when none is open or it is empty. */
export function openEditor(): ContextSource | undefined {
  const editor = meantEditor();
  if (!editor || !schemes.has(editor.document.uri.scheme)) return undefined;
  const { document, selection } = editor;
  return selection.isEmpty ? wholeDocument(document) : linesOf(document, selection);
}

/** All of a document, as it is when it is read. */
export function wholeDocument(document: vscode.TextDocument): ContextSource | undefined {
  const label = attachmentLabel(excerptOf(document));
  if (label === undefined) return undefined;
  const uri = document.uri.toString();
  return { key: uri, label, icon: "file", uri, read: async () => contentOf(excerptOf(document)) };
}

/** The lines of a document that a range touches, as they are now; undefined when they are blank. */
export function linesOf(document: vscode.TextDocument, range: vscode.Range): ContextSource | undefined {
  const { start, end } = range;
  // A selection of whole lines ends at the start of the next one.
  const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
  const excerpt = excerptOf(document, { first: start.line, last });
  const label = attachmentLabel(excerpt);
  if (label === undefined) return undefined;
  // Lines that are counted from the top are others after the next change above them.
  const content = contentOf(excerpt);
  return { key: `${document.uri}#${start.line}-${last}`, label, icon: "list-selection", read: async () => content };
}

function contentOf(excerpt: Excerpt) {
  const attachment = attach(excerpt);
  if (!attachment) throw new NothingToAttach(vscode.l10n.t("{0} is empty.", excerpt.name));
  return { attachments: [attachment] };
}

function excerptOf(document: vscode.TextDocument, selection?: Excerpt["selection"]): Excerpt {
  return {
    name: basename(document.uri.path),
    path: pathInWorkspace(document.uri),
    language: document.languageId,
    lineCount: document.lineCount,
    line: (index) => document.lineAt(index).text,
    ...(selection && { selection }),
  };
}
