/** What form an answer must have: as the template has it, with tool calls, or JSON of a schema. */
import { isDeepStrictEqual } from "node:util";
import type { ChatWrapper, LlamaGrammar, LlamaModel } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { type AnswerFormParams, ErrorCode, type GenerationProgress, type ToolCall } from "../../protocol/messages.js";
import { grammarSchema } from "./jsonSchema.js";
import { TextCallDetector } from "./textCalls.js";
import { type ToolUse, toolUse, toolWrapper } from "./tools.js";

export interface AnswerForm {
  wrapper: ChatWrapper;
  /** Absent where no tool may be called. */
  use?: ToolUse;
}

export function answerForm(base: ChatWrapper, params: AnswerFormParams): AnswerForm {
  const use = toolUse(params);
  return use ? { wrapper: use.wrapper(base), use } : { wrapper: toolWrapper(base, undefined, false) };
}

/**
 * The grammar of an answer in JSON; undefined where it may be any text.
 * @throws ResponseError InvalidArgument where llama.cpp cannot work with it.
 */
export async function responseGrammar(model: LlamaModel, params: AnswerFormParams): Promise<LlamaGrammar | undefined> {
  const { responseSchema: schema } = params;
  if (schema === undefined) return undefined;
  if (toolUse(params)) {
    throw engineError(ErrorCode.InvalidArgument, "responseSchema and tools that may be called do not go together.");
  }
  try {
    // Its type wants to know the schema when this is compiled.
    return await model.llama.createGrammarForJsonSchema(grammarSchema(schema, "present") as never);
  } catch (error) {
    throw engineError(ErrorCode.InvalidArgument, `The schema of the answer cannot be used: ${String(error)}`);
  }
}

/** Of one answer: more at once is no plan, but a small model that finds no end. */
const mostCalls = 16;

/** The calls of one answer. It ends where a call comes again, and where there are many: small models call for ever. */
export class Calls {
  readonly #controller = new AbortController();
  #ended = false;

  /** @param calls to which each call is added */
  constructor(
    private readonly use: ToolUse,
    private readonly calls: ToolCall[],
    private readonly onProgress: (progress: GenerationProgress) => void,
  ) {}

  /** Aborted where a call comes again, or was the last that is taken. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether a call has ended since this was last asked. */
  takeEnded(): boolean {
    const ended = this.#ended;
    this.#ended = false;
    return ended;
  }

  /** What node-llama-cpp is told to have tools called. */
  get options() {
    const { functions, maximumCalls } = this.use;
    return {
      functions,
      ...(maximumCalls === undefined ? {} : { maxParallelFunctionCalls: maximumCalls }),
      onFunctionCall: ({ functionName, params }: { functionName: string; params: unknown }) =>
        this.#add(this.use.callOf(functionName, params)),
    };
  }

  #add(call: ToolCall): void {
    this.#ended = true;
    const repeats = this.calls.some((before) => isSameCall(before, call));
    if (repeats || this.calls.length >= mostCalls) {
      this.#controller.abort();
      return;
    }
    this.calls.push(call);
    this.onProgress({ kind: "toolCall", call });
    if (this.calls.length === mostCalls) this.#controller.abort();
  }
}

/** Whatever the order of their arguments. */
const isSameCall = (one: ToolCall, other: ToolCall): boolean =>
  one.name === other.name && isDeepStrictEqual(JSON.parse(one.arguments), JSON.parse(other.arguments));

/** Ends an answer where a call begins as text. */
export class TextCalls {
  readonly #detector: TextCallDetector;
  readonly #controller = new AbortController();
  #called: string | undefined;

  constructor(names: readonly string[]) {
    this.#detector = new TextCallDetector(names);
  }

  /** Aborted where a call begins. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  /** The tool that was called. */
  get called(): string | undefined {
    return this.#called;
  }

  /** @returns what of the answer is no part of a call */
  push(chunk: string): string {
    if (this.#called !== undefined) return "";
    const { text, name } = this.#detector.push(chunk);
    if (name !== undefined) {
      this.#called = name;
      this.#controller.abort();
    }
    return text;
  }

  end(): string {
    return this.#detector.end();
  }
}
