/** That F5 and the tasks of .vscode name what there is. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { root } from "./root.mjs";

interface Launch {
  configurations: { name: string; args?: string[]; preLaunchTask?: string; runtimeArgs?: string[] }[];
}
interface Tasks {
  tasks: {
    label: string;
    command?: string;
    dependsOn?: string[];
    problemMatcher: { background?: { beginsPattern: string; endsPattern: string }; pattern?: { regexp: string } };
  }[];
}

const read = async (name: string) => JSON.parse(await readFile(path.join(root, name), "utf8"));
const { configurations }: Launch = await read(".vscode/launch.json");
const { tasks }: Tasks = await read(".vscode/tasks.json");
const { scripts, main }: { scripts: Record<string, string>; main: string } = await read("package.json");

test("tasks run commands of package.json, and are there where another names them", () => {
  const commands = tasks.flatMap(({ command }) => command ?? []);
  const known = Object.keys(scripts).flatMap((name) => (name === "test" ? "npm test" : `npm run ${name}`));
  expect(commands.length).toBeGreaterThan(0);
  expect(known).toEqual(expect.arrayContaining(commands));
  const labels = tasks.map(({ label }) => label);
  expect(labels).toEqual(expect.arrayContaining(tasks.flatMap(({ dependsOn = [] }) => dependsOn)));
  expect(labels).toEqual(expect.arrayContaining(configurations.flatMap(({ preLaunchTask }) => preLaunchTask ?? [])));
  const run = configurations.flatMap(({ runtimeArgs: [, name] = [] }) => name ?? []);
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(run));
});

test("F5 opens a window with this folder's extension", () => {
  const [first] = configurations;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is VS Code's variable
  expect(first?.args).toEqual(["--extensionDevelopmentPath=${workspaceFolder}"]);
  expect(main).toBe("./dist/extension.cjs");
});

test("VS Code knows from what esbuild.mjs prints when the bundles are there, and what is wrong", async () => {
  const { background, pattern } = tasks.find(({ label }) => label === "watch")?.problemMatcher ?? {};
  const printed = [...(await readFile(path.join(root, "esbuild.mjs"), "utf8")).matchAll(/log\("(.+)"\)/g)];
  const lines = printed.map(([, line = ""]) => line);
  expect(lines.filter((line) => new RegExp(background?.beginsPattern ?? "-").test(line))).toHaveLength(1);
  expect(lines.filter((line) => new RegExp(background?.endsPattern ?? "-").test(line))).toHaveLength(1);
  expect('extension/main.ts:198:10: error: Unexpected "="').toMatch(new RegExp(pattern?.regexp ?? "-"));
});
