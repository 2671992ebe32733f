/** Lets choose among the models that are here. */
import * as vscode from "vscode";
import { formatSize } from "../../engine-native/size.js";
import type { Node } from "./modelsView.js";
import { type Uses, useOf } from "./text.js";

export interface Choice {
  title: string;
  /** What is offered beside models, after them. */
  others: (vscode.QuickPickItem & { run(): Promise<unknown> })[];
  use(path: string): Promise<void>;
  /** Where no model is here. */
  none(): Promise<void>;
}

export async function chooseModel(nodes: readonly Node[], uses: Uses, choice: Choice): Promise<void> {
  const items: (vscode.QuickPickItem & { run?: () => Promise<unknown> })[] = [];
  const add = (name: string, path: string, bytes: number) => {
    const used = useOf(path, uses);
    const description = [formatSize(bytes), ...(used ? [used] : [])].join(" · ");
    items.push({ label: `$(package) ${name}`, description, run: () => choice.use(path) });
  };
  for (const node of nodes) {
    if (node.kind === "own" && node.model.state === "ready") add(node.model.name, node.model.path, node.model.bytes);
    if (node.kind !== "program") continue;
    items.push({ label: `Found in ${node.program}`, kind: vscode.QuickPickItemKind.Separator });
    for (const { name, path, bytes } of node.models) add(name, path, bytes);
  }
  if (items.length === 0) return choice.none();
  items.push({ label: "Others", kind: vscode.QuickPickItemKind.Separator }, ...choice.others);
  const picked = await vscode.window.showQuickPick(items, { title: choice.title, matchOnDescription: true });
  await picked?.run?.();
}
