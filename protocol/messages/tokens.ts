/** Texts as the loaded chat model's tokens, and back. */
import { RequestType } from "vscode-jsonrpc";

export interface TokenizeParams {
  text: string;
  /** What names a special token, such as `<|im_end|>`, is that token. Absent: it is text like any other. */
  specialTokens?: boolean;
  /** Begin as a prompt does: with BOS where the model's metadata asks for one. */
  start?: boolean;
}
export interface TokenizeResult {
  tokens: number[];
}
export interface DetokenizeParams {
  tokens: number[];
}
export interface DetokenizeResult {
  /** Special tokens by their names. */
  text: string;
}

/** Answers at once, also during a generation. Fails with InvalidState when nothing is loaded. */
export const tokenizeRequest = new RequestType<TokenizeParams, TokenizeResult, never>("tokenize");
/** As `tokenize`. Fails with InvalidArgument for a number that is no token of the model. */
export const detokenizeRequest = new RequestType<DetokenizeParams, DetokenizeResult, never>("detokenize");
