/** The commands of editors, of the explorer and of source control. */
import * as vscode from "vscode";
import { isTarget, sourcesOf } from "../chat/actions/target.js";
import { openEditor } from "../chat/context/sources/openEditor.js";
import { sourcesFor } from "../chat/context/sourcesFor.js";
import { type builtInTemplates, ownFirst, type PromptTemplate } from "../chat/templates/templates.js";
import type { FlintContext } from "./context.js";

/** Asks what a built-in slash command stands for about the code of the editor, or about what a code action names. */
const ask =
  (name: keyof typeof builtInTemplates) =>
  async (flint: FlintContext, target?: unknown): Promise<void> => {
    const template = flint.templates.templates.find((each) => each.name === name);
    if (template) await askTemplate(flint, template, target);
  };

async function askTemplate({ chat }: FlintContext, template: PromptTemplate, target?: unknown): Promise<void> {
  const sources = isTarget(target) ? await sourcesOf(target) : await sourcesFor(template.about, false);
  if (sources.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t("Open a file that is not empty first."));
    return;
  }
  await chat.askAbout(template.text, sources);
}

/** @param name of a template, as a key binding may have it: `"args": "review"`; the person chooses where there is none of that name */
async function useTemplate(flint: FlintContext, name?: unknown): Promise<void> {
  const { templates } = flint.templates;
  const template = templates.find((each) => each.name === name) ?? (await pickTemplate(templates));
  if (template) await askTemplate(flint, template);
}

/** @returns undefined where the list is closed, or the person goes to the settings to write one */
async function pickTemplate(templates: readonly PromptTemplate[]): Promise<PromptTemplate | undefined> {
  const items = ownFirst(templates).map((template) => ({
    label: `/${template.name}`,
    description: template.description,
    template,
  }));
  const settings = { label: `$(gear) ${vscode.l10n.t("Write your own…")}`, template: undefined };
  const placeHolder = vscode.l10n.t("What to ask about the selection, or the open file");
  const picked = await vscode.window.showQuickPick<vscode.QuickPickItem & { template: PromptTemplate | undefined }>(
    [...items, settings],
    { placeHolder, matchOnDescription: true },
  );
  if (picked && !picked.template)
    await vscode.commands.executeCommand("workbench.action.openSettings", "flint.prompts");
  return picked?.template;
}

/** @param files what is selected in the explorer; the first argument is where it was clicked */
async function addFiles({ chat }: FlintContext, clicked?: unknown, files?: unknown): Promise<void> {
  const given: unknown[] = Array.isArray(files) && files.length > 0 ? files : [clicked];
  const uris = given.filter((uri) => uri instanceof vscode.Uri);
  for (const uri of uris) await chat.attachments.attachFile(uri);
  await chat.focus();
}

async function addSelection({ chat }: FlintContext): Promise<void> {
  const source = openEditor();
  if (source) await chat.attachments.attach(source);
  await chat.focus();
}

/** What a key binding may say: `"args": { "instruction": "…" }`. */
function instructionOf(given: unknown): string | undefined {
  const has = typeof given === "object" && given !== null && "instruction" in given;
  return has && typeof given.instruction === "string" ? given.instruction : undefined;
}

/** Source control hands its own object to the commands of its title. */
function rootOf(sourceControl: unknown): vscode.Uri | undefined {
  const isOne = typeof sourceControl === "object" && sourceControl !== null && "rootUri" in sourceControl;
  return isOne && sourceControl.rootUri instanceof vscode.Uri ? sourceControl.rootUri : undefined;
}

/** Tells the person what went wrong, as there is no conversation that would. */
async function tell(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
  }
}

type EditorCommand = (context: FlintContext, ...args: unknown[]) => unknown;

export const editorCommands: Readonly<Record<`flint.${string}`, EditorCommand>> = {
  "flint.explain": ask("explain"),
  "flint.fix": ask("fix"),
  "flint.tests": ask("tests"),
  "flint.docs": ask("docs"),
  "flint.refactor": ask("refactor"),
  "flint.commit": ask("commit"),
  "flint.useTemplate": useTemplate,
  "flint.addSelectionToChat": addSelection,
  "flint.addFileToChat": addFiles,
  "flint.writeCommitMessage": ({ commitMessages }, sourceControl) => tell(commitMessages.write(rootOf(sourceControl))),
  "flint.stopCommitMessage": ({ commitMessages }) => commitMessages.stop(),
  "flint.editSelection": ({ edits }, given) => tell(edits.start(instructionOf(given))),
  "flint.retryEdit": ({ edits }) => tell(edits.retry()),
  "flint.acceptEdit": ({ edits }) => tell(edits.accept()),
  "flint.rejectEdit": ({ edits }) => edits.reject(),
  "flint.stopEdit": ({ edits }) => edits.stop(),
};
