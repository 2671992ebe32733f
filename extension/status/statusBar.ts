import * as vscode from "vscode";
import { formatSize } from "../../engine-native/size.js";
import {
  activity,
  formatSpeed,
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
    const failed = snapshot.state.kind === "failed";
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
  const { state } = snapshot;
  const { fraction } = activity(state);
  const percent = fraction === undefined ? "" : ` ${Math.floor(fraction * 100)}%`;
  const speed = speedOf(snapshot);
  const memory = memoryOf(snapshot);
  const used = memory && `${memory.used}/${memory.cap} GiB`;
  switch (state.kind) {
    case "empty":
      return "Flint: no model";
    case "failed":
      return "Flint: error";
    case "converting":
      return "Flint  converting";
    case "loading":
      return `Flint  loading${percent}`;
    case "reading":
      return ["Flint", `reading${percent}`, ...(used ? [used] : [])].join("  ");
    default:
      return ["Flint", ...(speed === undefined ? [] : [`${speed.toFixed(1)} t/s`]), ...(used ? [used] : [])].join("  ");
  }
}

function accessibleLabel(snapshot: Snapshot): string {
  const { state } = snapshot;
  const speed = speedOf(snapshot);
  const memory = memoryOf(snapshot);
  const suggestions = suggestionsOf(snapshot);
  return [
    "Flint",
    modelName(snapshot.settings) ?? "no model",
    ...(suggestions === undefined ? [] : [`Suggestions: ${suggestions}`]),
    activity(state).activity ?? state.kind,
    ...(speed === undefined ? [] : [formatSpeed(speed)]),
    ...(memory ? [`${memory.used} of ${memory.cap} GiB of memory used`] : []),
  ].join(", ");
}

/** Markdown: the model, and what of it lives where. */
function tooltip(snapshot: Snapshot): string {
  const { state, loaded, stats } = snapshot;
  if (state.kind === "empty") return "No model is chosen. Click to choose one.";
  const problem = problemOf(snapshot);
  if (problem) return escapeMarkdown(problem.message);
  const title = `**${escapeMarkdown(modelName(snapshot.settings) ?? "Flint")}**`;
  const doing = activity(state).activity;
  const plan = loaded?.plan;
  if (!plan) return `${title}\n\n${doing ?? (loaded ? "Ready." : "Loaded when it is first needed.")}`;
  const { residentBytes, pinnedBytes, streamedBytes, expertCacheBytes, neuronCacheBytes } = plan.weights;
  const memory = memoryOf(snapshot);
  const suggestions = suggestionsOf(snapshot);
  const warmingBytes = stats?.warmingBytes ?? 0;
  const warming = warmingBytes > 0 ? `, of which ${formatSize(warmingBytes)} are still to be read` : "";
  const rows: [name: string, value: string | false | undefined][] = [
    ["Resident", formatSize(residentBytes + pinnedBytes)],
    ["Streamed", streamedBytes === 0 ? "nothing" : `${formatSize(streamedBytes)} for every token`],
    ["Expert cache", expertCacheBytes > 0 && `${formatSize(expertCacheBytes)}${warming}`],
    ["Neuron cache", neuronCacheBytes > 0 && formatSize(neuronCacheBytes)],
    ["Context", `${loaded.contextTokens.toLocaleString("en-US")} tokens, ${formatSize(plan.kvBytes)}`],
    ["Suggestions", suggestions && escapeMarkdown(suggestions)],
    ["Hit rate", stats && `${Math.round(stats.flash.hitRate * 100)}%`],
    ["Memory", memory && `${memory.used} of ${memory.cap} GiB`],
  ];
  const lines = rows.filter(([, value]) => value).map(([name, value]) => `| ${name} | ${value} |`);
  const table = ["| | |", "|---|---|", ...lines].join("\n");
  return [title, ...(doing ? [doing] : []), table].join("\n\n");
}

/** A name from a model file is text, not Markdown. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~]/g, "\\$&");
}
