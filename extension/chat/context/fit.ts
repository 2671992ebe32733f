import * as l10n from "@vscode/l10n";
import type { Attachment } from "../../../webview/messages.js";
import { fitAttachments } from "./attachment.js";
import type { ContextContent } from "./source.js";

/** How many tokens the model makes of a text. */
type Count = (text: string) => Promise<number>;

/** What of it goes into the prompt. */
export interface FittedContext {
  attachments: Attachment[];
  /** Of all attachments. */
  tokens: number;
  /** What does not, in a sentence. */
  omitted?: string | undefined;
}

/**
 * What of several things fits into `maximumTokens`; the first come first. Of a single text as many whole lines as fit, of a
 * folder as many whole files.
 */
export async function fitContext(
  contents: readonly ContextContent[],
  maximumTokens: number,
  count: Count,
): Promise<FittedContext[]> {
  let left = maximumTokens;
  const fitted: FittedContext[] = [];
  for (const content of contents) {
    const one = await (content.attachments.length === 1 ? fitText : fitFiles)(content, left, count);
    left -= one.tokens;
    fitted.push(one);
  }
  return fitted;
}

const leftOutOf = (attachments: readonly Attachment[]) =>
  l10n.t(
    "Only half of the context is for attachments. Left out: {0}.",
    listOf(attachments.map(({ path, label }) => path ?? label)),
  );

/** Its attachments as they are stored with a question: what is not among them is told below the last. */
export function withOmitted({ attachments, omitted }: ContextContent): Attachment[] {
  const last = attachments.at(-1);
  if (!last || omitted === undefined) return attachments;
  return [...attachments.slice(0, -1), { ...last, omitted: joined(last.omitted, omitted) }];
}

/**
 * What of a question's attachments fits into `maximumTokens`, where they were not counted before it was sent. Those that have
 * no room at all are told below the last of the others.
 */
export async function fitSent(
  attachments: readonly Attachment[],
  maximumTokens: number,
  count: Count,
): Promise<Attachment[]> {
  const fitted = await fitAttachments(attachments, maximumTokens, count);
  const taken = fitted.filter(({ text }) => text !== "");
  const leftOut = attachments.filter((_, index) => fitted[index]?.text === "");
  return withOmitted({ attachments: taken, omitted: leftOut.length === 0 ? undefined : leftOutOf(leftOut) });
}

async function fitText({ attachments, omitted }: ContextContent, left: number, count: Count): Promise<FittedContext> {
  const [attachment] = await fitAttachments(attachments, left, count);
  if (!attachment?.text) return { attachments: [], tokens: 0, omitted: joined(leftOutOf(attachments), omitted) };
  const sentences = joined(attachment.omitted, omitted);
  const whole = sentences === undefined ? attachment : { ...attachment, omitted: sentences };
  return { attachments: [whole], tokens: attachment.tokens ?? 0, omitted: sentences };
}

async function fitFiles({ attachments, omitted }: ContextContent, left: number, count: Count): Promise<FittedContext> {
  const taken: Attachment[] = [];
  const leftOut: Attachment[] = [];
  let tokens = 0;
  for (const attachment of attachments) {
    const own = await count(attachment.text);
    if (tokens + own > left) {
      leftOut.push(attachment);
    } else {
      taken.push({ ...attachment, tokens: own });
      tokens += own;
    }
  }
  const sentences = joined(leftOut.length === 0 ? undefined : leftOutOf(leftOut), omitted);
  return { attachments: withOmitted({ attachments: taken, omitted: sentences }), tokens, omitted: sentences };
}

/** "a.ts", "a.ts, b.ts", "a.ts, b.ts and 5 more". */
export function listOf(names: readonly string[]): string {
  const [first = "", second = "", ...more] = names;
  if (more.length > 0) return l10n.t("{0}, {1} and {2} more", first, second, more.length);
  return names.join(", ");
}

function joined(...sentences: (string | undefined)[]): string | undefined {
  const said = sentences.filter((sentence) => sentence !== undefined);
  return said.length > 0 ? said.join(" ") : undefined;
}
