import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { builtInTemplates, mergeTemplates, ownFirst, templateOfFile, templatesOfSetting } from "./templates.js";

test("the built-in commands are there, and one's own of the same name goes before", () => {
  const names = mergeTemplates().map(({ name }) => name);
  expect(names).toEqual(["explain", "fix", "tests", "docs", "refactor", "commit"]);
  expect(Object.keys(builtInTemplates)).toEqual(names);
  const setting = templatesOfSetting({ fix: "Fix it in Latin.", review: "Review this." });
  const file = templateOfFile("fix.md", "Fix it in Greek.");
  const merged = mergeTemplates(setting, file ? [file] : []);
  expect(merged.find(({ name }) => name === "fix")?.text).toBe("Fix it in Greek.");
  expect(merged.at(-1)).toEqual({ name: "review", description: "Review this.", text: "Review this.", about: ["code"] });
});

test("the person's own are offered first", () => {
  const own = templatesOfSetting({ fix: "Fix it in Latin.", review: "Review this." });
  const names = ownFirst(mergeTemplates(own)).map(({ name }) => name);
  expect(names).toEqual(["fix", "review", "explain", "tests", "docs", "refactor", "commit"]);
});

test("the editor's menu has all built-in commands, /commit where there are changes, and the person's own in a list", async () => {
  const { contributes } = JSON.parse(await readFile(new URL("../../../package.json", import.meta.url), "utf8"));
  const menu: { command: string; when?: string }[] = contributes.menus["flint.editor"];
  const inMenu = new Map(menu.map(({ command, when }) => [command, when]));
  const wanted = [...Object.keys(builtInTemplates), "useTemplate"].map((name) => `flint.${name}`);
  expect(wanted.filter((command) => !inMenu.has(command))).toEqual([]);
  expect(inMenu.get("flint.commit")).toBe("flint.hasChanges");
});

test("a file may describe itself", () => {
  const text = "---\r\ndescription: 'Check a review'\r\nmode: ask\r\n---\r\nReview this.\nBe kind.\n";
  expect(templateOfFile("re-view.md", text)).toEqual({
    name: "re-view",
    description: "Check a review",
    text: "Review this.\nBe kind.",
    about: ["code"],
  });
  expect(templateOfFile("a.md", "First line\nsecond")?.description).toBe("First line");
});

test("what can't be a command is left out", () => {
  expect(templateOfFile("two words.md", "Text")).toBeUndefined();
  expect(templateOfFile("../up.md", "Text")).toBeUndefined();
  expect(templateOfFile("empty.md", "---\ndescription: a\n---\n \n")).toBeUndefined();
  expect(templateOfFile("long.md", "a".repeat(20_001))).toBeUndefined();
  for (const setting of [undefined, null, "fix", 5, { fix: 5 }, { "a b": "Text" }]) {
    expect(templatesOfSetting(setting)).toEqual([]);
  }
});
