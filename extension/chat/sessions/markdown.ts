import * as l10n from "@vscode/l10n";
import { withAttachments } from "../prompt/prompt.js";
import { type Conversation, titleOfConversation } from "./conversation.js";
import { MessageTree } from "./tree.js";

/** The path on show of a conversation as a Markdown document, with what was attached. */
export function toMarkdown(conversation: Conversation): string {
  const title = titleOfConversation(conversation) || l10n.t("Chat");
  const { path } = new MessageTree(conversation.tree);
  const sections = path.map((message) => {
    const heading = message.role === "user" ? l10n.t("You") : "Flint";
    const text = message.role === "user" ? withAttachments(message.text, message.attachments) : message.text;
    const note = message.role === "assistant" && message.state !== "done" ? [`*${l10n.t("Stopped")}*`] : [];
    return [`## ${heading}`, ...(text.trim() === "" ? [] : [text.trim()]), ...note].join("\n\n");
  });
  return `${[`# ${title}`, ...sections].join("\n\n")}\n`;
}
