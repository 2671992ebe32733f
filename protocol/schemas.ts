/**
 * What the sidecar accepts: one schema for each request of messages.ts, with the bounds of each parameter. Unknown parameters
 * are refused, as a misspelt one would silently do nothing; `initialize` alone ignores them, so that a client of another
 * version is told that the versions differ. The types are compared with those of messages.ts when this file is compiled.
 */
import * as z from "zod";
import { ErrorCode, engineError } from "./errors.js";
import type {
  AnswerNowParams,
  ChatParams,
  CompleteParams,
  ConvertParams,
  CountPromptTokensParams,
  CountTokensParams,
  DetokenizeParams,
  Display,
  EvaluateParams,
  ForgetSessionParams,
  InitializeParams,
  InspectParams,
  LoadParams,
  PlanConversionParams,
  PlanParams,
  TokenizeParams,
} from "./messages.js";

/** In UTF-16 units: many times what the largest contexts hold. */
const longestText = 2 ** 24;
/** In UTF-16 units: no system takes a longer path. */
const longestPath = 32_767;
const mostMessages = 100_000;
/** In one list: many times what the largest contexts hold. */
const mostTokens = 2 ** 22;
/** In UTF-16 units, of a text that ends an answer. */
const longestStop = 1024;
const mostStops = 64;
const mostFiles = 256;
const mostTools = 1024;
/** OpenAI allows 64 characters, MCP more. */
const longestToolName = 128;
const longestCallId = 1024;
/** In UTF-16 units: many times what a text for a person has. */
const longestSentence = 10_000;
/** Token positions are 32-bit numbers in llama.cpp. */
const largestContext = 2 ** 31 - 1;
/** ggml's GGML_MAX_N_THREADS. */
const mostThreads = 512;
const longestDiskMs = 60_000;
/** llama.cpp takes the number above it as "any seed". */
const largestSeed = 2 ** 32 - 2;
const highestTemperature = 100;

/** One message for all that can be wrong with a value, made only where it is needed. */
const allowed = (what: () => string) => ({
  error: ({ input }: { input?: unknown }) => `${input === undefined ? "is missing: it " : ""}must be ${what()}`,
});

/** A whole number from `least` to `most`. */
function whole(least: number, most = Number.MAX_SAFE_INTEGER, unit = "") {
  const limits = () => (most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${format(most)}`);
  const message = allowed(() => `a whole number${unit && ` of ${unit}`}, ${limits()}`);
  return z.number(message).int(message).min(least, message).max(most, message);
}
/** A number from `least` to `most`. */
function between(least: number, most: number) {
  const message = allowed(() => `a number from ${least} to ${most}`);
  return z.number(message).min(least, message).max(most, message);
}
// Not while the process starts: the tables for languages take megabytes.
const format = (value: number) => value.toLocaleString("en");

function text(most: number) {
  const message = allowed(() => `text of at most ${format(most)} characters`);
  return z.string(message).max(most, message);
}

const pathMessage = allowed(() => `a path: text of 1 to ${format(longestPath)} characters without NUL`);
const path = z
  .string(pathMessage)
  .min(1, pathMessage)
  .max(longestPath, pathMessage)
  .refine((value) => !value.includes("\0"), pathMessage);
const flag = z.boolean(allowed(() => "true or false"));
const choice = <const Values extends readonly [string, string, ...string[]]>(...values: Values) =>
  z.enum(
    values,
    allowed(() => `one of ${values.join(", ")}`),
  );

const temperatureMessage = allowed(() => `a number from 0 to ${highestTemperature}`);
const progressToken = text(256).exactOptional();
const sessionId = text(1024);

const planShape = {
  modelPath: path,
  ramCapBytes: whole(1, undefined, "bytes"),
  contextTokens: whole(1, largestContext, "tokens").exactOptional(),
  diskMs: whole(0, longestDiskMs, "milliseconds").exactOptional(),
  sparsity: choice("exact", "predict", "dense").exactOptional(),
  vramCapBytes: whole(0, undefined, "bytes").exactOptional(),
  draftModelPath: path.exactOptional(),
  inlineModelPath: path.exactOptional(),
};
const stopMessage = allowed(() => `a list of at most ${mostStops} texts`);
const generationShape = {
  maximumTokens: whole(1, undefined, "tokens").exactOptional(),
  temperature: z
    .number(temperatureMessage)
    .min(0, temperatureMessage)
    .max(highestTemperature, temperatureMessage)
    .exactOptional(),
  seed: whole(0, largestSeed).exactOptional(),
  ignoreEos: flag.exactOptional(),
  logprobs: whole(0, 20).exactOptional(),
  progressToken,
  topP: between(0, 1).exactOptional(),
  topK: whole(0, 2 ** 31 - 1).exactOptional(),
  minP: between(0, 1).exactOptional(),
  frequencyPenalty: between(-2, 2).exactOptional(),
  presencePenalty: between(-2, 2).exactOptional(),
  stop: z.array(text(longestStop).min(1), stopMessage).max(mostStops, stopMessage).exactOptional(),
};

const toolNameMessage = allowed(() => `a name of 1 to ${longestToolName} letters, digits, _, - and .`);
const toolName = z.string(toolNameMessage).regex(new RegExp(`^[\\w.-]{1,${longestToolName}}$`), toolNameMessage);
const jsonSchema = z.record(
  z.string(),
  z.unknown(),
  allowed(() => "a JSON schema"),
);
const tools = z
  .array(
    z.strictObject({
      name: toolName,
      description: text(longestText).exactOptional(),
      parameters: jsonSchema.exactOptional(),
    }),
    allowed(() => "a list of tools"),
  )
  .max(
    mostTools,
    allowed(() => `a list of at most ${format(mostTools)} tools`),
  )
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, "has two tools of the same name");
const answerFormShape = {
  tools: tools.exactOptional(),
  toolChoice: z
    .union(
      [z.enum(["auto", "required", "none"]), z.strictObject({ name: toolName })],
      allowed(() => "auto, required, none or an object with the name of a tool"),
    )
    .exactOptional(),
  parallelToolCalls: flag.exactOptional(),
  responseSchema: jsonSchema.exactOptional(),
  whole: flag.exactOptional(),
};
const toolCall = z.strictObject(
  { id: text(longestCallId), name: text(longestCallId), arguments: text(longestText) },
  allowed(() => "an object with id, name and arguments"),
);
const message = z.strictObject(
  {
    role: choice("system", "user", "assistant", "tool"),
    text: text(longestText),
    toolCalls: z
      .array(
        toolCall,
        allowed(() => "a list of calls"),
      )
      .exactOptional(),
    toolCallId: text(longestCallId).exactOptional(),
    keep: flag.exactOptional(),
  },
  allowed(() => "an object with role and text"),
);
const messagesMessage = allowed(() => `a list of 1 to ${format(mostMessages)} messages`);
const messages = z
  .array(message, messagesMessage)
  .min(1, messagesMessage)
  .max(mostMessages, messagesMessage)
  .refine((list) => {
    const [before, last] = [list.at(-2)?.role, list.at(-1)?.role];
    const isAsked = (role: string | undefined) => role === "user" || role === "tool";
    // An answer as far as it has come is continued.
    return isAsked(last) || (last === "assistant" && isAsked(before));
  }, "must end with a message of the user");

export const initializeParams = z.object({ protocolVersion: whole(0), display: z.unknown().exactOptional() });
export const display = z.strictObject({
  language: z.string().regex(/^[\w-]{1,64}$/),
  translations: z.record(text(longestSentence), text(longestSentence)),
});
export const planParams = z.strictObject(planShape);
export const loadParams = z.strictObject({
  ...planShape,
  engine: choice("flash", "stock"),
  threads: whole(1, mostThreads).exactOptional(),
  kvCache: z
    .strictObject(
      { folder: path, budgetBytes: whole(1, undefined, "bytes") },
      allowed(() => "an object with folder and budgetBytes"),
    )
    .exactOptional(),
  tracePath: path.exactOptional(),
  progressToken,
});
export const chatParams = z.strictObject({
  ...generationShape,
  ...answerFormShape,
  sessionId: sessionId.exactOptional(),
  messages,
  thinking: flag.exactOptional(),
});
export const answerNowParams = z.strictObject({ sessionId });
export const forgetSessionParams = z.strictObject({ sessionId });
const tokensMessage = allowed(() => `a list of at most ${format(mostTokens)} tokens`);
const tokenList = z.array(whole(0, 2 ** 31 - 1), tokensMessage).max(mostTokens, tokensMessage);
const filesMessage = allowed(() => `a list of at most ${mostFiles} files with name and text`);
export const completeParams = z.strictObject({
  ...generationShape,
  prefix: text(longestText),
  promptTokens: tokenList.exactOptional(),
  files: z
    .array(z.strictObject({ name: text(longestPath), text: text(longestText) }), filesMessage)
    .max(mostFiles, filesMessage)
    .exactOptional(),
  suffix: text(longestText).exactOptional(),
  typing: flag.exactOptional(),
  path: text(longestPath).exactOptional(),
  prepareOnly: flag.exactOptional(),
});
export const inspectParams = z.strictObject({ modelPath: path });
export const evaluateParams = z.strictObject({ text: text(longestText), progressToken });
export const countTokensParams = z.strictObject({ text: text(longestText) });
export const countPromptTokensParams = z.strictObject({ messages, tools: tools.exactOptional() });
export const tokenizeParams = z.strictObject({
  text: text(longestText),
  specialTokens: flag.exactOptional(),
  start: flag.exactOptional(),
});
export const detokenizeParams = z.strictObject({ tokens: tokenList });
export const planConversionParams = z.strictObject({
  modelPath: path,
  ramCapBytes: planShape.ramCapBytes.exactOptional(),
});
const typeMessage = allowed(() => "the name of a type, such as Q4_0");
export const convertParams = z.strictObject({
  modelPath: path,
  folder: path.exactOptional(),
  quantize: z
    .string(typeMessage)
    .regex(/^\w{1,32}$/, typeMessage)
    .exactOptional(),
  calibrationPath: path.exactOptional(),
  ramCapBytes: planShape.ramCapBytes.exactOptional(),
  progressToken,
});
/** Of the requests without parameters. JSON-RPC lets a client leave them out or send nothing in them. */
export const noParams = z
  .union([z.undefined(), z.null(), z.strictObject({})], "takes no parameters")
  .transform(() => undefined);

/**
 * The parameters of a request as its schema has them.
 * @throws ResponseError InvalidArgument, with one line that names the first parameter that is wrong and what is allowed.
 */
export function checkParams<Params>(method: string, schema: z.ZodType<Params>, params: unknown): Params {
  const checked = schema.safeParse(params);
  if (checked.success) return checked.data;
  throw engineError(ErrorCode.InvalidArgument, describe(method, checked.error.issues[0]));
}

/** The longest name of an unknown parameter that is repeated to the client. */
const longestName = 64;

function describe(method: string, issue: z.core.$ZodIssue | undefined): string {
  const where = (issue?.path ?? []).reduce<string>(
    (path, key) => (typeof key === "number" ? `${path}[${key}]` : (path && `${path}.${String(key)}`) || String(key)),
    "",
  );
  if (issue?.code === "unrecognized_keys") {
    const name = JSON.stringify(issue.keys[0]?.slice(0, longestName));
    return `${where || method} has no parameter ${name}.`;
  }
  if (where === "" && issue?.code === "invalid_type") return `The parameters of ${method} must be an object.`;
  return `${where || method} ${issue?.message ?? "is not valid"}.`;
}

/** True where two types are the same, optional properties included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Schema<Schemas extends z.ZodType, Params> = Same<z.infer<Schemas>, Params>;

// Each is an error to the compiler where a schema and its type in messages.ts differ.
true satisfies Schema<typeof initializeParams, InitializeParams>;
true satisfies Schema<typeof display, Display>;
true satisfies Schema<typeof planParams, PlanParams>;
true satisfies Schema<typeof loadParams, LoadParams>;
true satisfies Schema<typeof chatParams, ChatParams>;
true satisfies Schema<typeof answerNowParams, AnswerNowParams>;
true satisfies Schema<typeof forgetSessionParams, ForgetSessionParams>;
true satisfies Schema<typeof completeParams, CompleteParams>;
true satisfies Schema<typeof countTokensParams, CountTokensParams>;
true satisfies Schema<typeof countPromptTokensParams, CountPromptTokensParams>;
true satisfies Schema<typeof tokenizeParams, TokenizeParams>;
true satisfies Schema<typeof detokenizeParams, DetokenizeParams>;
true satisfies Schema<typeof inspectParams, InspectParams>;
true satisfies Schema<typeof evaluateParams, EvaluateParams>;
true satisfies Schema<typeof planConversionParams, PlanConversionParams>;
true satisfies Schema<typeof convertParams, ConvertParams>;
