/** Long conversations and answers, as a model might have made them. */
import type { Message } from "../../webview/messages.js";

const paragraph = "The loop ends when `index` has reached the **length** of the list, as each round adds one to it. ";
const code = `\`\`\`ts src/list.ts
export function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
\`\`\``;

/** About `tokens` tokens of Markdown: headings, paragraphs, lists and code, the last of them "The end." */
export function longAnswer(tokens: number): string {
  const sections: string[] = [];
  // A section has about 130 tokens.
  for (let index = 1; index <= tokens / 130; index++) {
    sections.push(`## Step ${index}`, paragraph.repeat(2), "- one\n- two\n- three", code);
  }
  return [...sections, "The end."].join("\n\n");
}

/** A conversation of so many messages, half of them answers with code. */
export function longConversation(count: number): Message[] {
  return Array.from({ length: count / 2 }, (_, index): Message[] => [
    { id: `q${index}`, role: "user", text: `Question ${index + 1}: why does this loop end?`, attachments: [] },
    { id: `a${index}`, role: "assistant", text: `${paragraph}\n\n${code}\n\nAnswer ${index + 1}.`, state: "done" },
  ]).flat();
}
