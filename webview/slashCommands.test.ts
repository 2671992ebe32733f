import { expect, test } from "vitest";
import { commandOf, expandCommand, matchingCommands } from "./slashCommands.js";

const commands = ["fix", "fixture", "tests"].map((name) => ({ name, description: name, text: `Do ${name}.` }));
const names = (text: string) => matchingCommands(text, commands)?.map(({ name }) => name);

test("commands are offered while one is typed at the beginning", () => {
  expect(names("/")).toEqual(["fix", "fixture", "tests"]);
  expect(names("/FIX")).toEqual(["fix", "fixture"]);
  expect(names("/x")).toEqual([]);
  for (const text of ["", "fix", " /fix", "/fix it", "/fix\n"]) expect(names(text)).toBeUndefined();
});

test("a command is one when a blank follows", () => {
  expect(commandOf("/fix ", commands)?.name).toBe("fix");
  expect(commandOf("/fix", commands)).toBeUndefined();
  expect(commandOf("/unknown it", commands)).toBeUndefined();
});

test("it stands for its text, and what is written after it follows", () => {
  expect(expandCommand("/fix", commands)).toBe("Do fix.");
  expect(expandCommand("/fix the second one\nplease", commands)).toBe("Do fix.\n\nthe second one\nplease");
  expect(expandCommand("/fixes it", commands)).toBe("/fixes it");
  expect(expandCommand("/etc/passwd", commands)).toBe("/etc/passwd");
  expect(expandCommand("a /fix", commands)).toBe("a /fix");
});
