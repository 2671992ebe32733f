import * as vscode from "vscode";
import { convertedName, isConvertibleFile } from "../../engine-native/download/conversion.js";
import { type FoundModel, findModels } from "../../engine-native/download/found.js";
import { type LibraryModel, listLibrary } from "../../engine-native/download/library.js";
import { quantizationOf } from "../../engine-native/download/names.js";
import { formatSize } from "../../engine-native/size.js";
import type { Conversions } from "./conversions.js";
import type { Downloads } from "./downloads.js";
import { percent, stateText, type Uses, useOf } from "./text.js";

/** What the view shows: own models, then those of other programs. */
export type Node =
  | { kind: "own"; model: LibraryModel; convertible: boolean }
  | { kind: "program"; program: string; models: FoundModel[] }
  | { kind: "found"; model: FoundModel };

export interface ModelsViewOptions {
  downloads: Downloads;
  conversions: Conversions;
  folder(): string;
  uses(): Uses;
  log(line: string): void;
}

const roles = { chat: "chat", inline: "suggestions", both: "chat and suggestions" } as const;

/** The tree of models. What it shows is read from the disk, and told anew when that changes. */
export class ModelsView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly didChange = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.didChange.event;
  private readonly tree: vscode.TreeView<Node>;
  private watchers: vscode.Disposable[] = [];
  private readonly subscriptions;
  /** By path and length: a header is read once. */
  private readonly convertible = new Map<string, Promise<boolean>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ModelsViewOptions) {
    this.tree = vscode.window.createTreeView("flint.models", { treeDataProvider: this });
    this.subscriptions = [
      options.downloads.onDidChange(() => this.refresh()),
      options.conversions.onDidChange(() => this.refresh()),
    ];
    this.watch();
  }

  /** Shows what is there now. Many calls at once make one. */
  refresh(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.didChange.fire();
    }, 100);
  }

  /** To be called when the models folder is another. */
  watch(): void {
    for (const watcher of this.watchers) watcher.dispose();
    const pattern = new vscode.RelativePattern(vscode.Uri.file(this.options.folder()), "*.gguf");
    const watcher = vscode.workspace.createFileSystemWatcher(pattern, false, true, false);
    this.watchers = [watcher, watcher.onDidCreate(() => this.refresh()), watcher.onDidDelete(() => this.refresh())];
    this.refresh();
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node?.kind === "program") return node.models.map((model) => ({ kind: "found", model }));
    if (node) return [];
    try {
      const [own, found] = await Promise.all([listLibrary(this.options.folder()), findModels()]);
      if (this.tree.message) this.tree.message = "";
      const programs = [...new Set(found.map(({ program }) => program))];
      return [
        ...(await Promise.all(own.map((model) => this.ownNode(model, own)))),
        ...programs.map(
          (program): Node => ({
            kind: "program",
            program,
            models: found.filter((model) => model.program === program),
          }),
        ),
      ];
    } catch (error) {
      this.options.log(`models: ${String(error)}`);
      this.tree.message = `The models folder can't be read: ${error instanceof Error ? error.message : String(error)}`;
      return [];
    }
  }

  private async ownNode(model: LibraryModel, all: readonly LibraryModel[]): Promise<Node> {
    const done = model.converted !== undefined || all.some(({ name }) => name === convertedName(model.name));
    if (done || model.state !== "ready") return { kind: "own", model, convertible: false };
    const key = `${model.path} ${model.bytes}`;
    const known = this.convertible.get(key) ?? isConvertibleFile(model.path);
    this.convertible.set(key, known);
    return { kind: "own", model, convertible: await known };
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case "own":
        return this.ownItem(node.model, node.convertible);
      case "found":
        return this.foundItem(node.model);
      case "program": {
        const item = new vscode.TreeItem(`Found in ${node.program}`, vscode.TreeItemCollapsibleState.Expanded);
        item.id = `program ${node.program}`;
        item.description = "used in place";
        item.tooltip = `Models that ${node.program} keeps. Flint uses them where they are and never changes them.`;
        item.contextValue = "program";
        return item;
      }
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const watcher of this.watchers) watcher.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
    this.tree.dispose();
    this.didChange.dispose();
  }

  private ownItem(model: LibraryModel, convertible: boolean): vscode.TreeItem {
    const { name, path, record, state, bytes, totalBytes, conversion } = model;
    const running = this.options.downloads.get(this.options.folder(), name);
    const converting = this.options.conversions.get(this.options.folder(), name);
    const inUse = useOf(path, this.options.uses());
    const complete = converting ? "converting" : state === "ready" && model.converted ? "converted" : state;
    const kind = complete !== "partial" ? complete : running ? "downloading" : model.busy ? "elsewhere" : "stopped";
    const share = totalBytes ? `${percent(bytes, totalBytes)}%` : formatSize(bytes);
    const told = stateText({
      ...{ state: kind, inUse, share, progress: running?.progress, rate: running?.rate },
      converting: converting?.progress,
      paused: record?.paused === true,
      conversionPaused: conversion?.paused === true,
    });
    const icon = {
      ready: inUse ? "pass-filled" : "package",
      converted: inUse ? "pass-filled" : "zap",
      converting: "sync~spin",
      damaged: "error",
      downloading: "sync~spin",
      elsewhere: "sync",
      stopped: "debug-pause",
    }[kind];
    const origin = record ?? model.converted?.from;
    const role = origin?.role && roles[origin.role];
    const facts = [
      told,
      ...(state === "partial" ? [] : [formatSize(bytes)]),
      ...(role ? [role] : []),
      ...(origin?.licence ? [origin.licence] : []),
    ];
    const item = new vscode.TreeItem(name.replace(/(-\d{5}-of-\d{5})?\.gguf$/i, ""));
    item.id = `own ${name}`;
    item.description = facts.join(" · ");
    item.iconPath = new vscode.ThemeIcon(icon);
    item.contextValue = [kind, ...(convertible ? ["convertible"] : []), ...this.suggests(path)].join(" ");
    item.tooltip = [
      path,
      ...(quantizationOf(name) ? [`Quantization: ${quantizationOf(name)}`] : []),
      ...(origin?.reference ? [`From: ${origin.reference}`] : []),
      ...(model.converted?.from ? [`Converted from ${model.converted.from.source}`] : []),
      ...(record?.verified?.damaged ? [record.verified.damaged] : []),
    ].join("\n");
    item.accessibilityInformation = { label: `${name}, ${facts.join(", ")}` };
    return item;
  }

  /** What the menus know a model of suggestions by. */
  private suggests(path: string): string[] {
    return path === this.options.uses().inline ? ["suggests"] : [];
  }

  private foundItem({ program, name, path, bytes }: FoundModel): vscode.TreeItem {
    const item = new vscode.TreeItem(name);
    const inUse = useOf(path, this.options.uses());
    item.id = `found ${path}`;
    item.description = [...(inUse ? [inUse] : []), formatSize(bytes)].join(" · ");
    item.iconPath = new vscode.ThemeIcon(inUse ? "pass-filled" : "package");
    item.contextValue = ["found", ...this.suggests(path)].join(" ");
    item.tooltip = path;
    item.accessibilityInformation = { label: `${name}, ${item.description}, found in ${program}` };
    return item;
  }
}
