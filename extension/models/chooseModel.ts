/** Offers the models on this machine to choose from. */
import * as vscode from "vscode";
import { memorySize } from "../numbers.js";
import type { Node } from "./modelsView.js";
import { type Uses, useOf } from "./text.js";

export interface Choice {
  title: string;
  /** Other choices, listed after the models. */
  others: (vscode.QuickPickItem & { run(): Promise<unknown> })[];
  use(path: string): Promise<void>;
  /** Models of other machines. */
  remote?: (vscode.QuickPickItem & { run?(): Promise<unknown> })[];
  /** Called if there is no model on this machine. */
  none(): Promise<void>;
}

export async function chooseModel(nodes: readonly Node[], uses: Uses, choice: Choice): Promise<void> {
  const items: (vscode.QuickPickItem & { run?: () => Promise<unknown> })[] = [];
  const add = (name: string, path: string, bytes: number) => {
    const used = useOf(path, uses);
    const description = [memorySize(bytes), ...(used ? [used] : [])].join(" · ");
    items.push({ label: `$(package) ${name}`, description, run: () => choice.use(path) });
  };
  for (const node of nodes) {
    if (node.kind === "own" && node.model.state === "ready") add(node.model.name, node.model.path, node.model.bytes);
    if (node.kind !== "group") continue;
    items.push({ label: node.title, kind: vscode.QuickPickItemKind.Separator });
    for (const { name, path, bytes } of node.models) add(name, path, bytes);
  }
  items.push(...(choice.remote ?? []));
  if (items.length === 0) return choice.none();
  items.push({ label: vscode.l10n.t("Others"), kind: vscode.QuickPickItemKind.Separator }, ...choice.others);
  const picked = await vscode.window.showQuickPick(items, { title: choice.title, matchOnDescription: true });
  await picked?.run?.();
}
