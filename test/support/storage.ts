import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { newConversation, serialize } from "../../extension/chat/sessions/conversation.js";
import type { Message } from "../../webview/messages.js";
import { runCommand } from "./chatPanel.js";
import type { Workbench } from "./workbench.js";

/** Where the extension keeps the conversations of the open window. @throws where it has stored nothing yet */
export async function extensionStorage({ profileFolder }: Workbench): Promise<string> {
  const names = await readdir(profileFolder, { recursive: true });
  const name = names.find((found) => found.endsWith(path.join("flint.flint", "panel.json")));
  if (!name) throw new Error("The extension has stored nothing.");
  return path.dirname(path.join(profileFolder, name));
}

/** Shows a conversation in the panel, which is open, as if it had been led before. */
export async function showConversation(workbench: Workbench, messages: Message[]): Promise<void> {
  const folder = path.join(await extensionStorage(workbench), "conversations");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "before.json"), serialize(newConversation("before", Date.now(), messages)));
  const { page } = workbench;
  await runCommand(page, "Flint: Show Chat History");
  // It is the only one.
  await page.locator(".quick-input-widget .monaco-list-row").first().click();
}
