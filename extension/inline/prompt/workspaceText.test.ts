import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as vscode from "vscode";
import { WorkspaceText } from "./workspaceText.js";

const text = "def helper(number):\n    doubled = number * 2\n    return doubled\n";
const uri = (name: string) => ({ scheme: "file", path: `/work/${name}`, toString: () => `file:///work/${name}` });
const range = { start: { line: 0 } };
const executeCommand = vi.hoisted(() => vi.fn());

vi.mock("vscode", () => {
  const event = () => ({ dispose: () => undefined });
  return {
    commands: { executeCommand },
    window: {
      ...{ visibleTextEditors: [], activeTextEditor: undefined },
      ...{ onDidChangeActiveTextEditor: event, onDidChangeTextEditorSelection: event },
    },
    workspace: {
      ...{ isTrusted: true, textDocuments: [], onDidSaveTextDocument: event, onDidChangeTextDocument: event },
      getWorkspaceFolder: () => ({ uri: { path: "/work" } }),
      fs: {
        stat: async () => ({ size: 100 }),
        readFile: async () => new TextEncoder().encode(text),
      },
    },
  };
});

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  setTrusted(true);
});

const setTrusted = (isTrusted: boolean) => Object.assign(vscode.workspace, { isTrusted });

/** As much of a document as is looked at. */
const document = {
  uri: uri("main.py"),
  getWordRangeAtPosition: () => range,
} as unknown as vscode.TextDocument;
const position = { character: 4, translate: () => position } as unknown as vscode.Position;

/** The names of the files whose text goes with a request after the language server was asked, once there is a pause. */
async function follow(): Promise<{ ended: Promise<void>; names(): string[] }> {
  const workspaceText = new WorkspaceText(() => undefined);
  const ended = workspaceText.followDefinition(document, position);
  return {
    ended,
    names: () => {
      workspaceText.settle();
      return workspaceText.filesFor(document).map(({ name }) => name);
    },
  };
}

test("the definition of a word goes with the request", async () => {
  executeCommand.mockResolvedValue([{ uri: uri("helper.py"), range }]);
  const { ended, names } = await follow();
  await ended;
  expect(names()).toEqual(["helper.py"]);
});

test("a language server that does not answer is waited for 50 ms", async () => {
  let answer: (found: unknown) => void = () => undefined;
  executeCommand.mockReturnValue(
    new Promise((resolve) => {
      answer = resolve;
    }),
  );
  const { ended, names } = await follow();
  const onEnd = vi.fn();
  void ended.then(onEnd);
  await vi.advanceTimersByTimeAsync(49);
  expect(onEnd).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(onEnd).toHaveBeenCalled();
  // Its answer comes too late.
  answer([{ uri: uri("helper.py"), range }]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(names()).toEqual([]);
});

test("a language server that fails is none", async () => {
  executeCommand.mockRejectedValue(new Error("It has crashed."));
  const { ended, names } = await follow();
  await ended;
  expect(names()).toEqual([]);
});

test("where the workspace is not trusted, no other file is looked at, and what was known is not told", async () => {
  executeCommand.mockResolvedValue([{ uri: uri("helper.py"), range }]);
  const { ended, names } = await follow();
  await ended;
  setTrusted(false);
  expect(names()).toEqual([]);
  executeCommand.mockClear();
  await (await follow()).ended;
  expect(executeCommand).not.toHaveBeenCalled();
});
