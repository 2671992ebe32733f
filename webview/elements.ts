import * as l10n from "@vscode/l10n";

/** Makes an element with a class and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** A button with an icon of the codicon font; `label` is its name for screen readers, `title` its tooltip. */
export function iconButton(icon: string, label: string, onClick: () => void, title = label): HTMLElement {
  const button = document.createElement("vscode-toolbar-button");
  button.icon = icon;
  button.label = label;
  button.title = title;
  button.addEventListener("click", onClick);
  return button;
}

/** A button with an icon that is on or off; `label` is its name for screen readers. */
export function toggleButton(
  icon: string,
  label: string,
  onChange: (isOn: boolean) => void,
): HTMLElementTagNameMap["vscode-toolbar-button"] {
  const button = document.createElement("vscode-toolbar-button");
  button.icon = icon;
  button.label = label;
  button.toggleable = true;
  button.addEventListener("change", () => onChange(button.checked));
  return button;
}

/** A button with words on it. */
export function textButton(label: string, onClick: () => void, { secondary = false } = {}): HTMLElement {
  const button = document.createElement("vscode-button");
  button.secondary = secondary;
  button.textContent = label;
  button.addEventListener("click", onClick);
  return button;
}

/** A button that copies, and says for a moment that it did. */
export function copyButton(label: string, copy: () => void): HTMLElement {
  const button = document.createElement("vscode-toolbar-button");
  const reset = () => {
    button.icon = "copy";
    button.label = label;
    button.title = label;
  };
  reset();
  let timer = 0;
  button.addEventListener("click", () => {
    copy();
    button.icon = "check";
    button.label = l10n.t("Copied");
    button.title = l10n.t("Copied");
    window.clearTimeout(timer);
    timer = window.setTimeout(reset, 1500);
  });
  return button;
}
