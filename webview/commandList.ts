import * as l10n from "@vscode/l10n";
import { element } from "./elements.js";
import type { SlashCommand } from "./messages.js";
import { matchingCommands } from "./slashCommands.js";

/** The list of commands over the input, while one is typed. The focus stays in the input. */
export class CommandList {
  readonly root = element("ul", "commands");
  commands: readonly SlashCommand[] = [];
  private shown: readonly SlashCommand[] = [];
  private active = 0;
  /** Closed by the person, until they type. */
  private closed = false;

  /** @param onPick a command was chosen */
  constructor(
    private readonly input: HTMLTextAreaElement,
    private readonly onPick: (command: SlashCommand) => void,
  ) {
    this.root.id = "commands";
    this.root.role = "listbox";
    this.root.ariaLabel = l10n.t("Commands");
    this.root.hidden = true;
    input.ariaAutoComplete = "list";
    input.setAttribute("aria-controls", this.root.id);
  }

  /** The input has changed. */
  update(): void {
    this.closed = false;
    this.active = 0;
    this.draw();
  }

  /** @returns whether the key was meant for the list */
  handles(event: KeyboardEvent): boolean {
    if (this.shown.length === 0 || event.isComposing) return false;
    const command = this.shown[this.active];
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp":
        this.active = (this.active + (event.key === "ArrowDown" ? 1 : this.shown.length - 1)) % this.shown.length;
        break;
      case "Enter":
      case "Tab":
        if (event.shiftKey || !command) return false;
        this.onPick(command);
        break;
      case "Escape":
        this.closed = true;
        // It would stop the answer under way.
        event.stopPropagation();
        break;
      default:
        return false;
    }
    event.preventDefault();
    this.draw();
    return true;
  }

  private draw(): void {
    this.shown = this.closed ? [] : (matchingCommands(this.input.value, this.commands) ?? []);
    this.root.hidden = this.shown.length === 0;
    const items = this.shown.map((command, index) => {
      const item = element(
        "li",
        "",
        element("span", "name", `/${command.name}`),
        element("span", "description", command.description),
      );
      item.id = `command-${index}`;
      item.role = "option";
      item.title = command.description;
      item.ariaSelected = String(index === this.active);
      // The input keeps the focus.
      item.addEventListener("mousedown", (event) => event.preventDefault());
      item.addEventListener("click", () => {
        this.onPick(command);
        this.draw();
      });
      return item;
    });
    this.root.replaceChildren(...items);
    const active = items[this.active];
    active?.scrollIntoView({ block: "nearest" });
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
  }
}
