/**
 * What a model says after a call of a tool. node-llama-cpp takes all but the end at once as another call, and has one written; but some models,
 * Qwen2.5-Coder among them, say a newline first and end then, and others say a word.
 */
import { type ChatWrapper, LlamaText } from "node-llama-cpp";

/** More of it is no mere habit. */
const mostSpaces = 4;

/** What another call begins with, without blanks before it. */
export function nextCallStart({ settings }: Pick<ChatWrapper, "settings">): string {
  const { call, parallelism } = settings.functions;
  return LlamaText([parallelism?.call.betweenCalls ?? "", call.prefix])
    .toString()
    .trimStart();
}

interface Vocabulary<Token> {
  /** With the names of special tokens. */
  text(token: Token): string;
  isEnd(token: Token): boolean;
  /** Undefined where the vocabulary has none: then all is told. */
  end: Token | undefined;
}

/** The same tokens where another call begins with them, else the end. */
export async function* endUnlessCalled<Token>(
  steps: AsyncGenerator<Token, void, undefined | Token | Token[]>,
  callStart: string,
  { text, isEnd, end }: Vocabulary<Token>,
): AsyncGenerator<Token, void, undefined | Token | Token[]> {
  try {
    const spaces: Token[] = [];
    let step = await steps.next();
    while (!step.done && spaces.length < mostSpaces && /^\s+$/.test(text(step.value))) {
      spaces.push(step.value);
      step = await steps.next();
    }
    if (step.done) return;
    const said = text(step.value).trimStart();
    const isCall = callStart.startsWith(said) || said.startsWith(callStart);
    const ending = isEnd(step.value) ? step.value : end;
    if (!isCall && ending !== undefined) {
      yield ending;
      return;
    }
    yield* spaces;
    while (!step.done) step = await steps.next(yield step.value);
  } finally {
    await steps.return();
  }
}
