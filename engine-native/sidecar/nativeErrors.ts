/**
 * What C++ says, in the language of the person. C++ knows one language, and hands over whole sentences: those that people meet are
 * listed here. What a header has wrong in it stays English, as llama.cpp's own words do.
 */
import * as l10n from "@vscode/l10n";

/** As C++ has them; {0} and so on are what it fills in. All others stay as they are. */
export const nativeSentences = [
  // src/gguf/model.cpp
  "{0} does not exist. Check the path.",
  "{0} is a folder. Name a .gguf file in it.",
  "{0} cannot be opened: {1}",
  "{0} is empty. Download it again.",
  '{0} is not a GGUF model (it begins with "{1}"). Download it again.',
  "{0} is not a usable GGUF model: {1}. Download it again.",
  "{0} has a damaged or cut GGUF header. Download it again.",
  "{0} is cut short: it has {1} bytes, its tensor {2} ends at byte {3}. Download it again.",
  '{0} is a part of a split model. Name the part that ends with "{1}".',
  "{0} has no weights. It may be a vocabulary only.",
  "{0} is not a usable model: it {1}",
  // src/store/store.cpp
  "{0} is missing: it holds a part of the model. Convert the model again.",
  // src/reader
  "cannot open {0}: {1}",
  "cannot read {0} at byte {1}: {2}",
  // convert
  "{0} does not use squared ReLU: it has no neurons to leave out.",
  "Converting this model takes at least {0} MiB of memory, the cap is {1} MiB. Raise the cap for the conversion.",
  "the disk of {0} is too full: {1} are needed, {2} more than there are.",
] as const;

/** @param message an error of libggml-flash or flint-convert */
export function translated(message: string): string {
  for (const sentence of nativeSentences) {
    const said = filledIn(sentence).exec(message);
    if (said) return l10n.t(sentence, ...said.slice(1));
  }
  return message;
}

/** The sentence with anything where something is filled in. A path may have line breaks. */
function filledIn(sentence: string): RegExp {
  const parts = sentence.split(/\{\d\}/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("(.+?)")}$`, "s");
}
