/** What a completion is asked about: the text around a cursor, and other text that helps. */

import type { PromptFile } from "./prompt.js";

export interface CompletionText {
  /** Text before the cursor, or before `middle`. No chat template is applied. */
  prefix: string;
  /** A whole prompt, used as it is instead of all other text. */
  promptTokens?: number[];
  /** Text after the cursor: makes it an infill by the model's own FIM tokens where it has them. */
  suffix?: string;
  /**
   * Text between prefix and suffix, before the cursor, that the model goes on with as if it had written it. While it grows, prefix
   * and suffix are not read again.
   */
  middle?: string;
  /**
   * Other files, in the form of the model's family, the most useful one last. As many as the context has room for beside the
   * rest, from the last; with a `middle`, at most a quarter of it. Only for an infill.
   */
  files?: PromptFile[];
  /** Of the file that is completed, told where `files` are. */
  path?: string;
  /** Reads the prompt so that the next request like it need not, and generates nothing. */
  prepareOnly?: boolean;
}
