import * as l10n from "@vscode/l10n";
import { element, iconButton } from "./elements.js";
import { postToSession } from "./host.js";
import type { Attachment, ShownMessage, UserMessage } from "./messages.js";
import { integer } from "./numbers.js";
import { versionPicker } from "./versions.js";

/** A question, what it is about, and what can be done with it. */
export function question(message: UserMessage & ShownMessage, onEdit: () => void): HTMLElement {
  const { id, text, attachments } = message;
  const buttons = element(
    "div",
    "tools",
    iconButton("edit", l10n.t("Edit question"), onEdit),
    iconButton("trash", l10n.t("Delete question and answer"), () => postToSession({ type: "delete", id })),
  );
  const body = element("div", "body", text);
  body.append(...attachments.map(attached));
  const made = element("article", "message user", body, element("div", "below", ...versionPicker(message), buttons));
  made.dataset["role"] = "user";
  made.ariaLabel = l10n.t("You");
  return made;
}

/** A name that opens to the code, how much of the context that takes, and what was left out of it. */
function attached({ label, text, tokens, omitted }: Attachment): HTMLElement {
  const code = element("pre", "", element("code", "", text));
  code.tabIndex = 0;
  code.ariaLabel = l10n.t("Code of {0}", label);
  const size = tokens === undefined ? [] : [element("p", "", tokensText(tokens))];
  const notice = omitted === undefined ? [] : [element("p", "omitted", omitted)];
  return element("div", "attachment", element("details", "", element("summary", "", label), code, ...size), ...notice);
}

const tokensText = (tokens: number) => (tokens === 1 ? l10n.t("1 token") : l10n.t("{0} tokens", integer(tokens)));
