import * as vscode from "vscode";
import { decimal, integer, memorySize } from "../numbers.js";
import {
  activity,
  draftOf,
  formatSpeed,
  gpuOf,
  memoryOf,
  modelName,
  problemOf,
  type Snapshot,
  speedOf,
  suggestionsOf,
} from "./status.js";

/** The item of the status bar: state, speed and memory; its tooltip tells the plan, a click opens the menu. */
export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("flint.status", vscode.StatusBarAlignment.Right, 100);

  constructor(command: string) {
    this.item.name = "Flint";
    this.item.command = command;
    this.item.show();
  }

  show(snapshot: Snapshot): void {
    const failed = snapshot.remote ? snapshot.remote.error !== undefined : snapshot.state.kind === "failed";
    const text = statusText(snapshot);
    this.item.text = `$(${failed ? "error" : "flame"}) ${text}`;
    this.item.accessibilityInformation = { label: accessibleLabel(snapshot), role: "button" };
    this.item.backgroundColor = failed ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
    this.item.tooltip = new vscode.MarkdownString(tooltip(snapshot));
  }

  dispose(): void {
    this.item.dispose();
  }
}

/** As "Flint  5.2 t/s  5.8/6.0 GiB". */
function statusText(snapshot: Snapshot): string {
  const { state, remote } = snapshot;
  if (remote) {
    return ["Flint", remote.host, ...(remote.isAnswering ? [vscode.l10n.t("answering")] : [])].join("  ");
  }
  const { fraction } = activity(state);
  const percent = fraction === undefined ? "" : ` ${Math.floor(fraction * 100)}%`;
  const speed = speedOf(snapshot);
  const memory = memoryOf(snapshot);
  const used = memory && vscode.l10n.t("{0}/{1} GiB", memory.used, memory.cap);
  switch (state.kind) {
    case "empty":
      return vscode.l10n.t("Flint: no model");
    case "failed":
      return vscode.l10n.t("Flint: error");
    case "converting":
      return vscode.l10n.t("Flint  converting");
    case "loading":
      return vscode.l10n.t("Flint  loading{0}", percent);
    case "reading":
      return ["Flint", vscode.l10n.t("reading{0}", percent), ...(used ? [used] : [])].join("  ");
    default:
      return [
        "Flint",
        ...(speed === undefined ? [] : [vscode.l10n.t("{0} t/s", decimal(speed))]),
        ...(used ? [used] : []),
      ].join("  ");
  }
}

function accessibleLabel(snapshot: Snapshot): string {
  const { state, remote } = snapshot;
  if (remote) return ["Flint", remote.model, vscode.l10n.t("on {0}", remote.host)].join(", ");
  const speed = speedOf(snapshot);
  const memory = memoryOf(snapshot);
  const suggestions = suggestionsOf(snapshot);
  return [
    "Flint",
    modelName(snapshot.settings) ?? vscode.l10n.t("no model"),
    ...(suggestions === undefined ? [] : [vscode.l10n.t("Suggestions: {0}", suggestions)]),
    activity(state).activity ?? stateLabel(snapshot),
    ...(speed === undefined ? [] : [formatSpeed(speed)]),
    ...(memory ? [vscode.l10n.t("{0} of {1} GiB of memory used", memory.used, memory.cap)] : []),
  ].join(", ");
}

/** For a state in which the engine does nothing. */
function stateLabel(snapshot: Snapshot): string {
  const problem = problemOf(snapshot);
  if (problem) return problem.message;
  return snapshot.state.kind === "idle" ? vscode.l10n.t("not loaded") : vscode.l10n.t("ready");
}

/** Markdown: the model, and what of it lives where. */
function tooltip(snapshot: Snapshot): string {
  const { serverAddress } = snapshot;
  const serves = serverAddress === undefined ? [] : [vscode.l10n.t("Served at {0}", serverAddress)];
  return [aboutModel(snapshot), ...serves].join("\n\n");
}

function aboutModel(snapshot: Snapshot): string {
  const { state, loaded, stats, remote } = snapshot;
  if (remote) {
    const [model, host] = [remote.model, remote.host].map(escapeMarkdown);
    return `**${model}**\n\n${vscode.l10n.t("Questions and their context go to {0}.", host ?? "")}`;
  }
  if (state.kind === "empty") return vscode.l10n.t("No model is chosen. Click for the menu.");
  const problem = problemOf(snapshot);
  if (problem) return escapeMarkdown(problem.message);
  const title = `**${escapeMarkdown(modelName(snapshot.settings) ?? "Flint")}**`;
  const doing = activity(state).activity;
  const plan = loaded?.plan;
  if (!plan)
    return `${title}\n\n${doing ?? (loaded ? vscode.l10n.t("Ready.") : vscode.l10n.t("The model loads when it is first needed."))}`;
  const { residentBytes, pinnedBytes, streamedBytes, expertCacheBytes, neuronCacheBytes } = plan.weights;
  const memory = memoryOf(snapshot);
  const suggestions = suggestionsOf(snapshot);
  const draft = draftOf(snapshot);
  const gpu = gpuOf(snapshot);
  const warmingBytes = stats?.warmingBytes ?? 0;
  const warming = warmingBytes > 0 ? vscode.l10n.t(", {0} still to be read", memorySize(warmingBytes)) : "";
  const rows: [name: string, value: string | false | undefined][] = [
    [vscode.l10n.t("GPU"), gpu && escapeMarkdown(gpu)],
    [vscode.l10n.t("In memory"), memorySize(residentBytes + pinnedBytes)],
    [
      vscode.l10n.t("Read from disk"),
      streamedBytes === 0 ? vscode.l10n.t("nothing") : vscode.l10n.t("{0} for each token", memorySize(streamedBytes)),
    ],
    [vscode.l10n.t("Expert cache"), expertCacheBytes > 0 && `${memorySize(expertCacheBytes)}${warming}`],
    [vscode.l10n.t("Neuron cache"), neuronCacheBytes > 0 && memorySize(neuronCacheBytes)],
    [
      vscode.l10n.t("Context"),
      vscode.l10n.t("{0} tokens, {1}", integer(loaded.contextTokens), memorySize(plan.kvBytes)) +
        (plan.kvType ? vscode.l10n.t(", compressed to {0}", plan.kvType) : ""),
    ],
    [vscode.l10n.t("Suggestions"), suggestions && escapeMarkdown(suggestions)],
    [vscode.l10n.t("Draft model"), draft && escapeMarkdown(draft)],
    [vscode.l10n.t("Hit rate"), stats && `${Math.round(stats.flash.hitRate * 100)}%`],
    [vscode.l10n.t("Memory used"), memory && vscode.l10n.t("{0} of {1} GiB", memory.used, memory.cap)],
  ];
  const lines = rows.filter(([, value]) => value).map(([name, value]) => `| ${name} | ${value} |`);
  const table = ["| | |", "|---|---|", ...lines].join("\n");
  return [title, ...(doing ? [doing] : []), table].join("\n\n");
}

/** A name from a model file is text, not Markdown. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~]/g, "\\$&");
}
