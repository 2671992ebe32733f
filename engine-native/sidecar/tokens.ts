/** Token numbers that come from a client. */
import type { LlamaModel, Token } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { ErrorCode } from "../../protocol/messages.js";

/** @throws ResponseError InvalidArgument for one that the model's vocabulary does not have: llama.cpp would end the process. */
export function ownTokens(model: LlamaModel, tokens: readonly number[]): Token[] {
  const size = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const foreign = tokens.find((token) => token >= size);
  if (foreign === undefined) return tokens as Token[];
  throw engineError(ErrorCode.InvalidArgument, `${foreign} is no token of this model: it has ${size}, from 0.`);
}
