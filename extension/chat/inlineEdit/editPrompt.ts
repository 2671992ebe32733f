import type { ChatMessage } from "../../../protocol/messages.js";
import type { Attachment } from "../../../webview/messages.js";
import { withAttachments } from "../prompt/prompt.js";
import { systemPrompt } from "../prompt/systemPrompt.js";

/** What is to be changed and what is around it, as whole lines. */
export interface EditedCode {
  name: string;
  path?: string | undefined;
  language: string;
  before: string;
  selected: string;
  after: string;
}

/** The lines and what is to become of them. */
export function editPrompt(code: EditedCode, instruction: string): ChatMessage[] {
  const { name, path, language } = code;
  const part = (label: string, text: string): Attachment[] =>
    text.trim() === ""
      ? []
      : [{ label, name, path, firstLine: 1, language, text: text.replaceAll("\r\n", "\n").replace(/\n$/, "") }];
  const attachments = [
    ...part("Before the code", code.before),
    ...part("After the code", code.after),
    ...part("The code", code.selected),
  ];
  const question = `Change the code: ${instruction}\nAnswer with all of the changed code in one fenced block and nothing else. Do not repeat what is before and after it.`;
  return [
    { role: "system", text: systemPrompt },
    { role: "user", text: withAttachments(question, attachments) },
  ];
}
