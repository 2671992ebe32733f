import { element, textButton } from "./elements.js";
import { post } from "./host.js";
import type { Problem } from "./messages.js";

/** What happened, with a button for each thing to do about it; the first is the one to press. */
export function problemBox({ message, actions }: Problem): HTMLElement {
  const buttons = actions.map(({ label, action }, index) =>
    textButton(label, () => post({ type: "act", action }), { secondary: index > 0 }),
  );
  const icon = element("span", "codicon codicon-warning");
  icon.ariaHidden = "true";
  return element(
    "div",
    "problem",
    icon,
    element("div", "problem-content", element("p", "", message), element("div", "actions", ...buttons)),
  );
}
