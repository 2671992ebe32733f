import { expect, test, vi } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import texts from "../../package.nls.json" with { type: "json" };
import { editorCommands } from "./editor.js";
import { commands } from "./table.js";

// Nothing of it is called here.
vi.mock("vscode", () => ({ SymbolKind: {} }));

const contributed = manifest.contributes.commands.map(({ command }) => command);

test("the commands are those of package.json, each once", () => {
  expect(Object.keys({ ...commands, ...editorCommands }).sort()).toEqual([...contributed].sort());
});

test("menus, buttons and links name commands that exist", () => {
  const items = Object.values(manifest.contributes.menus).flat();
  const inMenus = items.flatMap((item) => ("command" in item ? [item.command] : []));
  const submenus = items.flatMap((item) => ("submenu" in item ? [item.submenu] : []));
  expect(submenus).toEqual(manifest.contributes.submenus.map(({ id }) => id));
  // Other languages have the same links: see scripts/translations.test.ts.
  const linked = Object.values(texts).flatMap((text) =>
    [...text.matchAll(/\(command:([\w.]+)\)/g)].map(([, command]) => command),
  );
  expect(linked.length).toBeGreaterThan(0);
  // VS Code makes this one for each view.
  const known = new Set<string | undefined>([...contributed, "flint.chat.focus"]);
  expect([...inMenus, ...linked].filter((command) => !known.has(command))).toEqual([]);
});
