import { expect, test } from "vitest";
import { copiedSelection, type TextClipboard } from "./copiedSelection.js";

const picture = { picture: "a cat" };

/** @param content what is in it */
class Clipboard implements TextClipboard {
  constructor(public content: string | typeof picture) {}
  async readText(): Promise<string> {
    return typeof this.content === "string" ? this.content : "";
  }
  async writeText(text: string): Promise<void> {
    this.content = text;
  }
}

/** What is had of a selection, whether the person was asked, and what is in the clipboard after it. */
async function read(content: Clipboard["content"], selection: string, mayReplace = true) {
  const clipboard = new Clipboard(content);
  let asked = false;
  const copy = async () => {
    if (selection !== "") await clipboard.writeText(selection);
  };
  const ask = async () => {
    asked = true;
    return mayReplace;
  };
  const text = await copiedSelection(clipboard, copy, ask, "marker");
  return { text, asked, after: clipboard.content };
}

test("a text in the clipboard is there again, whatever is selected", async () => {
  expect(await read("mine", "npm test")).toEqual({ text: "npm test", asked: false, after: "mine" });
  expect(await read("mine", "mine")).toEqual({ text: "mine", asked: false, after: "mine" });
  expect(await read("mine", "")).toEqual({ text: "", asked: false, after: "mine" });
});

test("a picture stays there unless the person gives it up, and where nothing is selected", async () => {
  expect(await read(picture, "npm test", false)).toEqual({ text: undefined, asked: true, after: picture });
  expect(await read(picture, "")).toEqual({ text: "", asked: true, after: picture });
  expect(await read(picture, "npm test")).toEqual({ text: "npm test", asked: true, after: "npm test" });
});

test("a text is there again when the copy fails", async () => {
  const clipboard = new Clipboard("mine");
  const failing = copiedSelection(
    clipboard,
    () => Promise.reject(new Error("no terminal")),
    async () => true,
    "marker",
  );
  await expect(failing).rejects.toThrow("no terminal");
  expect(clipboard.content).toBe("mine");
});
