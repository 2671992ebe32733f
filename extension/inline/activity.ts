/** What the suggestions do, in the language status of the editor. */
import * as l10n from "@vscode/l10n";
import * as vscode from "vscode";
import type { Off } from "./availability.js";

export type Activity = "ready" | "thinking" | "shown" | "nothing" | "noModel" | "noInfill" | Off;

export class ActivityItem implements vscode.Disposable {
  private readonly item = vscode.languages.createLanguageStatusItem("flint.inline", "*");

  constructor() {
    this.item.name = l10n.t("Flint: inline suggestions");
    this.show("ready");
  }

  show(activity: Activity): void {
    const { text, detail, command } = wordsFor(activity);
    this.item.text = `$(flame) ${text}`;
    this.item.detail = detail;
    this.item.busy = activity === "thinking";
    this.item.command = command;
    const warns = activity === "noInfill";
    this.item.severity = warns ? vscode.LanguageStatusSeverity.Warning : vscode.LanguageStatusSeverity.Information;
  }

  dispose(): void {
    this.item.dispose();
  }
}

function wordsFor(activity: Activity): { text: string; detail: string; command: vscode.Command } {
  const name = l10n.t("Inline suggestions");
  const snooze = { command: "flint.snoozeInline", title: l10n.t("Snooze…") };
  const choose = { command: "flint.chooseInlineModel", title: l10n.t("Choose model…") };
  if (typeof activity === "object") {
    switch (activity.kind) {
      case "language":
        return {
          text: l10n.t("Off for {0}", activity.language),
          detail: name,
          command: settings(l10n.t("Open settings")),
        };
      case "snoozed":
        return {
          text: l10n.t("Snoozed until {0}", activity.until.toLocaleTimeString(vscode.env.language)),
          detail: name,
          command: snooze,
        };
      case "editor":
        return { text: l10n.t("Off in this editor"), detail: name, command: snooze };
    }
  }
  switch (activity) {
    case "thinking":
      return { text: l10n.t("Thinking"), detail: name, command: snooze };
    case "nothing":
      return { text: l10n.t("Nothing to suggest"), detail: name, command: snooze };
    case "shown":
      return { text: l10n.t("Suggestion shown"), detail: name, command: snooze };
    case "noModel":
      return { text: l10n.t("No model loaded"), detail: name, command: choose };
    case "noInfill":
      return {
        text: l10n.t("The model doesn't support fill-in-the-middle"),
        detail: l10n.t("It was not trained for fill-in-the-middle: it suggests at the end of a file only."),
        command: choose,
      };
    default:
      return { text: l10n.t("Ready"), detail: name, command: snooze };
  }
}

const settings = (title: string) => ({
  command: "workbench.action.openSettings",
  title,
  arguments: ["flint.inline.languages"],
});
