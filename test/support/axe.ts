/** What axe-core says of the chat panel's page. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Frame } from "playwright-core";
import type { ChatPanel } from "./chatPanel.js";

/** The frame of the panel's own document. */
export async function frameOf(panel: ChatPanel): Promise<Frame> {
  const frame = await (await panel.document.locator("body").elementHandle())?.ownerFrame();
  if (!frame) throw new Error("The panel has no frame.");
  return frame;
}

/** Each violation with its rule and the elements. */
export async function violations(panel: ChatPanel): Promise<string[]> {
  const frame = await frameOf(panel);
  // As an expression: the page's own policy lets nothing be evaluated in it.
  await frame.evaluate(await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  const found = await frame.evaluate(async () => {
    // The page is transparent, and what VS Code shows behind it is in another frame.
    document.documentElement.style.background = "var(--vscode-sideBar-background)";
    const { axe } = window as unknown as { axe: { run(): Promise<AxeResults> } };
    return (await axe.run()).violations;
  });
  return found.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n")}`,
  );
}
