import * as vscode from "vscode";
import { convertedName, isConvertibleFile } from "../../models/library/conversion.js";
import type { LibraryModel, ModelsFolder } from "../../models/library/modelsFolder.js";
import { type ExternalModel, findExternalModels, modelsOfFiles } from "../../models/library/otherPrograms.js";
import { quantizationOf } from "../../models/sources/names.js";
import { hostOf } from "../../models/transfer/http.js";
import { memorySize } from "../numbers.js";
import type { Conversions } from "./conversions.js";
import type { Downloads } from "./downloads.js";
import { errorText, percent, roles, stateText, type Uses, useOf } from "./text.js";

/** What the view shows: own models, those in use that are elsewhere, then those of other programs. */
export type Node =
  | { kind: "own"; model: LibraryModel; convertible: boolean }
  | { kind: "group"; title: string; about: string; models: ExternalModel[] }
  | { kind: "found"; model: ExternalModel };

export interface ModelsViewOptions {
  downloads: Downloads;
  conversions: Conversions;
  folder(): ModelsFolder;
  uses(): Uses;
  log(line: string): void;
}

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
    const pattern = new vscode.RelativePattern(vscode.Uri.file(this.options.folder().path), "*.gguf");
    const watcher = vscode.workspace.createFileSystemWatcher(pattern, false, true, false);
    this.watchers = [watcher, watcher.onDidCreate(() => this.refresh()), watcher.onDidDelete(() => this.refresh())];
    this.refresh();
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node?.kind === "group") return node.models.map((model) => ({ kind: "found", model }));
    if (node) return [];
    try {
      const { chat, inline } = this.options.uses();
      const used = [chat, inline].filter((path) => path !== undefined);
      const [own, found, chosen] = await Promise.all([
        this.options.folder().list(),
        findExternalModels(),
        modelsOfFiles(used),
      ]);
      if (this.tree.message) this.tree.message = "";
      // The walkthrough ticks a step by it.
      const hasDownloaded = own.some(({ state }) => state === "ready");
      void vscode.commands.executeCommand("setContext", "flint.hasDownloaded", hasDownloaded);
      const known = new Set([...own, ...found].map(({ path }) => path));
      const elsewhere = chosen.filter(({ path }) => !known.has(path));
      const programs = [...new Set(found.map(({ program }) => program))];
      return [
        ...(await Promise.all(own.map((model) => this.ownNode(model, own)))),
        ...(elsewhere.length > 0 ? [elsewhereGroup(elsewhere)] : []),
        ...programs.map((program) => programGroup(program, found)),
      ];
    } catch (error) {
      this.options.log(`models: ${String(error)}`);
      this.tree.message = vscode.l10n.t("The models folder can't be read: {0}", errorText(error));
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
      case "group": {
        const item = new vscode.TreeItem(node.title, vscode.TreeItemCollapsibleState.Expanded);
        item.id = `group ${node.title}`;
        item.description = vscode.l10n.t("used in place");
        item.tooltip = node.about;
        item.contextValue = "group";
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
    const handle = this.options.folder().model(name);
    const running = this.options.downloads.get(handle);
    const converting = this.options.conversions.get(handle);
    const inUse = useOf(path, this.options.uses());
    const complete = converting ? "converting" : state === "ready" && model.converted ? "converted" : state;
    const kind = complete !== "partial" ? complete : running ? "downloading" : model.busy ? "elsewhere" : "stopped";
    const share = totalBytes ? `${percent(bytes, totalBytes)}%` : memorySize(bytes);
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
      ...(state === "partial" ? [] : [memorySize(bytes)]),
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
      ...(quantizationOf(name) ? [vscode.l10n.t("Quantization: {0}", quantizationOf(name) ?? "")] : []),
      ...(origin?.reference
        ? [vscode.l10n.t("From: {0}{1}", origin.reference, record ? `, ${hostOf(record.transfers[0]?.url ?? "")}` : "")]
        : []),
      ...(model.converted?.from ? [vscode.l10n.t("Converted from {0}", model.converted.from.source)] : []),
      ...(record?.verified?.damaged ? [record.verified.damaged] : []),
    ].join("\n");
    item.accessibilityInformation = { label: `${name}, ${facts.join(", ")}` };
    return item;
  }

  /** What the menus know a model of suggestions by. */
  private suggests(path: string): string[] {
    return path === this.options.uses().inline ? ["suggests"] : [];
  }

  private foundItem({ program, name, path, bytes }: ExternalModel): vscode.TreeItem {
    const item = new vscode.TreeItem(name);
    const inUse = useOf(path, this.options.uses());
    item.id = `found ${path}`;
    item.description = [...(inUse ? [inUse] : []), memorySize(bytes)].join(" · ");
    item.iconPath = new vscode.ThemeIcon(inUse ? "pass-filled" : "package");
    item.contextValue = ["found", ...this.suggests(path)].join(" ");
    item.tooltip = path;
    item.accessibilityInformation = { label: vscode.l10n.t("{0}, {1}, found in {2}", name, item.description, program) };
    return item;
  }
}

const elsewhereGroup = (models: ExternalModel[]): Node => ({
  ...{ kind: "group", models },
  title: vscode.l10n.t("In other folders"),
  about: vscode.l10n.t("Models that the settings name. Flint uses these files in place and never changes them."),
});

const programGroup = (program: string, found: readonly ExternalModel[]): Node => ({
  kind: "group",
  title: vscode.l10n.t("Found in {0}", program),
  about: vscode.l10n.t("Models of {0}. Flint uses these files in place and never changes them.", program),
  models: found.filter((model) => model.program === program),
});
