/** What may be dropped on the chat panel, and where, in a real browser. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPanelPage, type PanelPage } from "../support/panelPage.js";

let panel: PanelPage;

beforeAll(async () => {
  panel = await openPanelPage();
});
afterAll(() => panel?.close());

/** Something that is dragged, of a type, and how it gets to a place of the panel. */
async function drag(selector: string, type: string, data: string, events: string[]): Promise<void> {
  await panel.page.locator(selector).evaluate(
    (element, [type, data, ...events]) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.setData(type ?? "", data ?? "");
      for (const event of events) {
        element.dispatchEvent(new DragEvent(event, { dataTransfer, bubbles: true, cancelable: true }));
      }
    },
    [type, data, ...events],
  );
}

/** How the line around the panel is drawn. */
const line = () =>
  panel.page.evaluate(() => {
    const { content, outlineStyle, outlineWidth, outlineColor } = getComputedStyle(document.documentElement, "::after");
    return { isThere: content !== "none", outlineStyle, outlineWidth, outlineColor };
  });
const dropped = async () => (await panel.sent()).filter(({ type }) => type === "attachFiles");

const uri = "file:///work/a.ts";

test.each([".transcript", ".composer", ".footer", "main"])("files may be dropped on %s", async (place) => {
  await panel.show([
    { id: "one", role: "user", text: "Why?", attachments: [] },
    { id: "two", role: "assistant", state: "done", text: "So." },
  ]);
  const before = (await dropped()).length;
  await drag(place, "text/uri-list", uri, ["dragover"]);
  expect(await line()).toMatchObject({ isThere: true, outlineStyle: "dashed", outlineWidth: "2px" });
  await drag(place, "text/uri-list", uri, ["drop"]);
  expect((await line()).isThere).toBe(false);
  expect((await dropped()).slice(before)).toEqual([{ type: "attachFiles", uris: [uri] }]);
});

test("the panel shows in high contrast, too, that it takes files, until they leave it", async () => {
  const { page } = panel;
  await page.evaluate(() => document.documentElement.style.setProperty("--vscode-contrastActiveBorder", "#f38518"));
  await drag(".transcript", "text/uri-list", uri, ["dragover"]);
  expect(await line()).toMatchObject({ isThere: true, outlineColor: "rgb(243, 133, 24)" });
  await page.emulateMedia({ forcedColors: "active" });
  expect(await line()).toMatchObject({ isThere: true, outlineStyle: "dashed" });
  await page.emulateMedia({ forcedColors: "none" });
  await drag(".transcript", "text/uri-list", uri, ["dragleave"]);
  expect((await line()).isThere).toBe(false);
});

test("text is for the input, and a link of an answer is no file", async () => {
  const before = (await dropped()).length;
  await drag(".transcript", "text/plain", "words", ["dragover"]);
  expect((await line()).isThere).toBe(false);
  await drag(".transcript", "text/uri-list", "https://example.org/", ["dragstart", "dragover"]);
  expect((await line()).isThere).toBe(false);
  await drag(".transcript", "text/uri-list", "https://example.org/", ["dragstart", "drop"]);
  expect((await dropped()).length).toBe(before);
  await drag(".transcript", "text/uri-list", uri, ["dragover", "drop"]);
  expect((await dropped()).length).toBe(before + 1);
});
