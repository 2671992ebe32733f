import { afterEach, expect, test, vi } from "vitest";
import { fakeWorkspace } from "../../workspaceFixture.js";
import { TemplateStore } from "./templateStore.js";

vi.mock("vscode", async () => (await import("../../workspaceFixture.js")).vscode);

const prompt = "/work/.flint/prompts/review.md";
let store: TemplateStore | undefined;
afterEach(() => store?.dispose());

/** A store that has read what it wants to read. */
async function makeStore(isTrusted: boolean): Promise<TemplateStore> {
  fakeWorkspace.reset({ [prompt]: "Review this.", "/work/notes/other.md": "No prompt." }, isTrusted);
  store = new TemplateStore((line) => {
    throw new Error(line);
  });
  // Where nothing is to be read, it is done at once.
  if (isTrusted) await changed(store);
  return store;
}

const changed = (from: TemplateStore) => new Promise<void>((resolve) => from.onDidChange(() => resolve()));

const own = ({ templates }: TemplateStore, name = "review") => templates.find((each) => each.name === name)?.text;

test("a trusted workspace has the templates of its files, and no others", async () => {
  const made = await makeStore(true);
  expect(own(made)).toBe("Review this.");
  expect(own(made, "other")).toBeUndefined();
  expect(own(made, "explain")).toBeDefined();
});

test("of an untrusted workspace nothing is read until it is trusted", async () => {
  const made = await makeStore(false);
  expect(own(made)).toBeUndefined();
  const again = changed(made);
  fakeWorkspace.write(prompt, "Review this well.");
  await again;
  expect(own(made)).toBeUndefined();
  expect(fakeWorkspace.asked).toEqual([]);
  const trusted = changed(made);
  fakeWorkspace.grantTrust();
  await trusted;
  expect(own(made)).toBe("Review this well.");
});

test("a file that is changed, made or deleted is noticed", async () => {
  const made = await makeStore(true);
  const write = async (path: string, text: string | undefined) => {
    const done = changed(made);
    fakeWorkspace.write(path, text);
    await done;
  };
  await write(prompt, "Review this well.");
  expect(own(made)).toBe("Review this well.");
  await write("/work/.flint/prompts/rename.md", "---\ndescription: Names\n---\nFind better names.");
  expect(made.templates.find(({ name }) => name === "rename")).toMatchObject({
    description: "Names",
    text: "Find better names.",
  });
  await write(prompt, undefined);
  expect(own(made)).toBeUndefined();
});

test("a file that is too large is no template", async () => {
  const made = await makeStore(true);
  const done = changed(made);
  fakeWorkspace.write("/work/.flint/prompts/large.md", "\n".repeat(100_000).concat("Large."));
  await done;
  expect(own(made, "large")).toBeUndefined();
  expect(own(made)).toBe("Review this.");
});

test("templates of the settings are there in an untrusted workspace too, and of a name the file's counts", async () => {
  const made = await makeStore(false);
  const configured = changed(made);
  fakeWorkspace.configure({ review: "Review it as I say." });
  await configured;
  expect(own(made)).toBe("Review it as I say.");
  const trusted = changed(made);
  fakeWorkspace.grantTrust();
  await trusted;
  expect(own(made)).toBe("Review this.");
});
