/** The language that people are spoken to in: that of the client, which tells it with `initialize`. English until then. */
import * as l10n from "@vscode/l10n";
import { display } from "../../protocol/schemas.js";
import { formatAtLeast, formatSize } from "../../protocol/size.js";

let language = "en";

/** From now on. @param given a `Display`, and English where it is none */
export function speakTo(given: unknown, log: (line: string) => void): void {
  const { success, data } = display.safeParse(given);
  if (!success && given !== undefined) log("The client's language or its translations can't be read: English is used.");
  l10n.config({ contents: data?.translations ?? {} });
  language = numbersOf(data?.language);
}

/** A tag that numbers can be written by: what VS Code calls a language is one, as a rule. */
function numbersOf(tag = "en"): string {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? "en";
  } catch {
    return "en";
  }
}

/** "1,234" */
export const integer = (value: number): string => value.toLocaleString(language);

/** "5.2" */
export const decimal = (value: number): string =>
  value.toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** "5.4 GiB" */
export const memorySize = (bytes: number): string => formatSize(bytes, language);

/** As {@link memorySize}, rounded up. */
export const memorySizeAtLeast = (bytes: number): string => formatAtLeast(bytes, language);

/** What another has said, with a full stop, so that a sentence can follow. */
export const sentence = (words: string): string => (/[.!?。！？]$/.test(words) ? words : `${words}.`);
