import { element, iconButton } from "./elements.js";
import { post } from "./host.js";
import type { UserMessage } from "./messages.js";

/** A question, what it is about, and what can be done with it. */
export function question({ id, text, attachment }: UserMessage, onEdit: () => void): HTMLElement {
  const buttons = element(
    "div",
    "tools",
    iconButton("edit", "Edit question", onEdit),
    iconButton("trash", "Delete question and answer", () => post({ type: "delete", id })),
  );
  const body = element("div", "body", text);
  if (attachment) {
    const code = element("pre", "", element("code", "", attachment.text));
    code.tabIndex = 0;
    code.ariaLabel = "Code";
    body.append(element("details", "attachment", element("summary", "", attachment.label), code));
  }
  const made = element("article", "message user", body, buttons);
  made.dataset["role"] = "user";
  made.ariaLabel = "You";
  return made;
}
