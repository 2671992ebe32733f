import * as l10n from "@vscode/l10n";
import { element } from "./elements.js";
import { postToSession } from "./host.js";
import type { ShownMessage } from "./messages.js";

/** The version that a person has asked for with a button that goes away with the version before. */
let wanted: { id: string; next: boolean } | undefined;

/** "2 of 3" between two arrows, for a message that has other versions; the arrow keys do the same. */
export function versionPicker({ role, versions }: ShownMessage): HTMLElement[] {
  if (!versions) return [];
  const { ids, index } = versions;
  const isAnswer = role === "assistant";
  const show = (next: boolean) => {
    const id = ids[next ? index + 1 : index - 1];
    if (id === undefined) return;
    wanted = { id, next };
    postToSession({ type: "showVersion", id });
  };
  const labels = isAnswer
    ? [l10n.t("Earlier answer"), l10n.t("Later answer")]
    : [l10n.t("Earlier version"), l10n.t("Later version")];
  const [back, on] = [arrow("left", labels[0], index === 0), arrow("right", labels[1], index === ids.length - 1)];
  back.addEventListener("click", () => show(false));
  on.addEventListener("click", () => show(true));
  const text = l10n.t("{0} of {1}", index + 1, ids.length);
  const group = element("div", "versions", back, element("span", "", text), on);
  group.role = "group";
  group.ariaLabel = isAnswer ? l10n.t("Answer {0}", text) : l10n.t("Version {0}", text);
  group.addEventListener("keydown", ({ key }) => {
    if (key === "ArrowLeft" || key === "ArrowRight") show(key === "ArrowRight");
  });
  return [group];
}

/** Gives the focus to the picker of the version that was asked for, now that it is on show. */
export function focusWanted(nodeOf: (id: string) => HTMLElement | undefined): void {
  if (!wanted) return;
  const buttons = [...(nodeOf(wanted.id)?.querySelectorAll<HTMLButtonElement>(".versions button") ?? [])];
  if (buttons.length === 0) return;
  if (wanted.next) buttons.reverse();
  buttons.find(({ disabled }) => !disabled)?.focus();
  wanted = undefined;
}

/** A native button: it can be disabled, and takes the focus as soon as it is made. */
function arrow(to: "left" | "right", label = "", disabled = false): HTMLButtonElement {
  const button = element("button", `codicon codicon-chevron-${to}`);
  button.type = "button";
  button.ariaLabel = label;
  button.title = label;
  button.disabled = disabled;
  return button;
}
