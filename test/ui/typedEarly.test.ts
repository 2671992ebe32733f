/** What is typed in the panel before the extension has said what it had kept. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openPanelPage, type PanelPage } from "../support/panelPage.js";

let panel: PanelPage;

beforeAll(async () => {
  panel = await openPanelPage({ draft: undefined });
});
beforeEach(() => panel.page.reload());
afterAll(() => panel?.close());

const input = () => panel.page.getByRole("textbox", { name: "Ask Flint" });
const kept = async () => (await panel.sent()).flatMap((message) => (message.type === "draft" ? [message] : []));

test("stays, and is kept as soon as it is known for which chat", async () => {
  await input().fill("early words");
  expect(await kept()).toEqual([]);
  await panel.show([]);
  await panel.send({ type: "draft", draft: { text: "" } });
  expect(await input().inputValue()).toBe("early words");
  expect(await kept()).toEqual([{ type: "draft", sessionId: "test", draft: { text: "early words" } }]);
  // From then on it is the extension that says what belongs to a chat.
  await panel.send({ type: "draft", draft: { text: "of another chat" } });
  expect(await input().inputValue()).toBe("of another chat");
});

test("what was kept is there where nothing was typed", async () => {
  await panel.show([]);
  await panel.send({ type: "draft", draft: { text: "of yesterday" } });
  expect(await input().inputValue()).toBe("of yesterday");
  expect(await kept()).toEqual([]);
});
