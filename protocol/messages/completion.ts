/** What a completion is asked about: the text around a cursor, and other text that helps. */

import type { PromptFile } from "./prompt.js";

export interface CompletionText {
  /** Text before the cursor. No chat template is applied. */
  prefix: string;
  /** A whole prompt, used as it is instead of all other text. */
  promptTokens?: number[];
  /** Text after the cursor: makes it an infill by the model's own FIM tokens where it has them. */
  suffix?: string;
  /**
   * Somebody is typing, and asks again after the next keys. What has no room is cut far from the cursor, so that the prompt begins
   * with the same tokens for as long as may be; and a word that has only begun before the cursor is written anew, as its beginning
   * has other tokens than the word: the result's text is what comes after it.
   */
  typing?: boolean;
  /**
   * Other files, in the form of the model's family, the most useful one last. As many as the context has room for beside the
   * rest, from the last; while somebody is `typing`, at most a quarter of it. Only for an infill.
   */
  files?: PromptFile[];
  /** Of the file that is completed, told where `files` are. */
  path?: string;
  /** Reads the prompt so that the next request like it need not, and generates nothing. */
  prepareOnly?: boolean;
}
