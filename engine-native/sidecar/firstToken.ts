/** The first token of a model, with a look at the numbers that it is drawn from. */
import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from "node-llama-cpp";
import { damagedWeights, type Trial } from "./trial.js";

type Evaluation = ReturnType<LlamaContextSequence["evaluate"]>;
export type Evaluate = (tokens: Token[], options?: SequenceEvaluateOptions) => Evaluation;

/**
 * As `evaluate`. While the model is on trial, checks what its first token is drawn from, at the cost of that token.
 * @throws ResponseError NotAModel where that is NaN or infinite.
 */
export function checkFirstToken(sequence: LlamaContextSequence, trial: Trial, evaluate: Evaluate): Evaluate {
  return (tokens, options = {}) => {
    if (trial.passed || tokens.length === 0) return evaluate(tokens, options);
    // A sampler lives for one evaluation: another one with the same seed would draw the same numbers again.
    const seeded = options.seed !== undefined && (options.temperature ?? 0) > 0;
    // The sum cannot be had of tokens that a grammar chooses.
    const { grammarEvaluationState: grammar } = options;
    const formed = (typeof grammar === "function" ? grammar() : grammar) !== undefined;
    return seeded || formed
      ? checkConfidence(sequence, trial, tokens, options)
      : checkWeight(sequence, trial, evaluate, tokens, options);
  };
}

/** By the sum of all tokens' weights, for the first token alone. */
async function* checkWeight(
  sequence: LlamaContextSequence,
  trial: Trial,
  evaluate: Evaluate,
  tokens: Token[],
  options: SequenceEvaluateOptions,
): Evaluation {
  const {
    yieldEogToken,
    grammarEvaluationState: _,
    evaluationPriority: _priority,
    contextShift,
    ...sampling
  } = options;
  const results = await sequence.controlledEvaluate(
    tokens.map((token, index) =>
      index < tokens.length - 1
        ? token
        : [token, { generateNext: { token: true, totalLogitWeight: true, confidence: true, options: sampling } }],
    ),
  );
  // node-llama-cpp knows the sum since 3.22, which there is not for Windows and macOS yet.
  const { token, totalLogitWeight, confidence } = results.at(-1)?.next ?? {};
  if (token === undefined || token === null || !Number.isFinite(totalLogitWeight ?? confidence))
    throw damagedWeights(trial.modelPath);
  trial.pass();
  if (yieldEogToken !== true && sequence.model.isEogToken(token)) return;
  const replacement = yield token;
  yield* evaluate(replacement === undefined ? [token] : [replacement].flat(), options);
}

/** By each token's probability, which takes longer. */
async function* checkConfidence(
  sequence: LlamaContextSequence,
  trial: Trial,
  tokens: Token[],
  options: SequenceEvaluateOptions,
): Evaluation {
  const steps = sequence.evaluateWithMetadata(tokens, { confidence: true }, options);
  try {
    let step = await steps.next();
    while (!step.done) {
      if (!Number.isFinite(step.value.confidence)) throw damagedWeights(trial.modelPath);
      trial.pass();
      step = await steps.next(yield step.value.token);
    }
    // The first token was the end.
    trial.pass();
  } finally {
    await steps.return();
  }
}
