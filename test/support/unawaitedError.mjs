// Bundled into a sidecar before its own script: node-llama-cpp with a fault. A prompt that asks for one is never read, and
// an error is thrown that nobody awaits.
import { LlamaContextSequence, LlamaModel } from "node-llama-cpp";

/** @type {string | undefined} */
let fault;
const { tokenize } = LlamaModel.prototype;
/** @type {typeof tokenize} */
LlamaModel.prototype.tokenize = function (...given) {
  fault = /^fault: (\w+)/.exec(given[0])?.[1];
  return Reflect.apply(tokenize, this, given);
};
const { adaptStateToTokens } = LlamaContextSequence.prototype;
LlamaContextSequence.prototype.adaptStateToTokens = function (...given) {
  if (fault === undefined) return Reflect.apply(adaptStateToTokens, this, given);
  const error = new Error(`an unawaited ${fault}`);
  if (fault === "rejection") void Promise.reject(error);
  else
    setImmediate(() => {
      throw error;
    });
  fault = undefined;
  return new Promise(() => undefined);
};
