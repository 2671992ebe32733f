import { afterEach, expect, test, vi } from "vitest";
import { fakeWorkspace } from "../../workspaceFixture.js";
import { PendingContext } from "../context/pending.js";
import { Attachments } from "./attachments.js";

vi.mock("vscode", async () => (await import("../../workspaceFixture.js")).vscode);

const contents = {
  "/work/AGENTS.md": "Be brief.",
  "/work/.github/copilot-instructions.md": "Write tests.",
  "/work/main.py": "print(1)\n",
  "/work/other.py": "print(2)\n",
};
let attachments: Attachments | undefined;
afterEach(() => attachments?.dispose());

/** What the panel has attached to the first question of a conversation. */
async function attached(isTrusted: boolean): Promise<{ of: Attachments; pending: PendingContext }> {
  fakeWorkspace.reset(contents, isTrusted);
  const pending = new PendingContext({
    // No model is loaded: nothing is counted.
    backend: { capabilities: undefined } as ConstructorParameters<typeof PendingContext>[0]["backend"],
    conversation: () => [],
    wait: () => undefined,
    log: () => undefined,
  });
  const conversation = { id: "first", isEmpty: true };
  const of = new Attachments(
    pending,
    () => [],
    () => conversation,
    () => undefined,
    (line) => {
      throw new Error(line);
    },
  );
  attachments = of;
  return { of, pending };
}

const labels = (pending: PendingContext) => pending.chips.map(({ label }) => label);

/** Resolves when so many things are attached. */
const holds = (pending: PendingContext, count: number) =>
  new Promise<void>((resolve) => {
    const look = () => {
      if (pending.chips.length >= count) resolve();
    };
    pending.onDidChange(look);
    look();
  });

test("of an untrusted workspace only what the person attaches is read", async () => {
  const { of, pending } = await attached(false);
  await of.conversationChanged();
  expect(labels(pending)).toEqual([]);
  await of.receive({ type: "attachFiles", uris: ["file:///work/main.py"] });
  expect(labels(pending)).toEqual(["main.py"]);
  expect(new Set(fakeWorkspace.asked)).toEqual(new Set(["/work/main.py"]));
  expect((await of.take()).map(({ text }) => text)).toEqual(["print(1)"]);
});

test("with the person's trust, the project's instructions are attached", async () => {
  const { pending } = await attached(false);
  const both = holds(pending, 2);
  fakeWorkspace.grantTrust();
  await both;
  expect(labels(pending)).toEqual(["AGENTS.md", ".github/copilot-instructions.md"]);
  expect(fakeWorkspace.asked).not.toContain("/work/other.py");
});

test("in a trusted workspace they are attached from the start", async () => {
  const { pending } = await attached(true);
  await holds(pending, 2);
  expect(labels(pending)).toEqual(["AGENTS.md", ".github/copilot-instructions.md"]);
});
