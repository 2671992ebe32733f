/** What an answer must look like: tools that the model may call, a JSON schema, how tokens are drawn and where it ends. */

/** A JSON schema, as clients write it. What of it the grammar of an answer can enforce is said in sidecar/jsonSchema.ts. */
export type JsonSchema = Record<string, unknown>;

export interface ToolDefinition {
  /** Letters, digits, `_`, `-` and `.`: at most 128. */
  name: string;
  /** For the model: what it does and when to call it. */
  description?: string;
  /** Of an object. Absent: it takes no parameters. */
  parameters?: JsonSchema;
}

export interface ToolCall {
  /** Chosen by the engine for a new call; results refer to it. */
  id: string;
  name: string;
  /** JSON text of an object. */
  arguments: string;
}

/** `auto`: the model decides. `required`: it must call a tool. `none`: it must not. Or the name of the tool that it must call. */
type ToolChoice = "auto" | "required" | "none" | { name: string };

/** How tokens are drawn and where an answer ends. */
export interface SamplingParams {
  /** Only the likeliest tokens that are as likely together: from 0 to 1. Absent: all. */
  topP?: number;
  /** Only so many of the likeliest tokens. 0, and absent: all. */
  topK?: number;
  /** Only tokens that are so likely, compared with the likeliest: from 0 to 1. */
  minP?: number;
  /** From -2 to 2: makes tokens less likely the more often they came. */
  frequencyPenalty?: number;
  /** From -2 to 2: makes tokens less likely that came. */
  presencePenalty?: number;
  /** Texts that end the answer. They are not part of it. */
  stop?: string[];
}

export interface AnswerFormParams {
  tools?: ToolDefinition[];
  /** Absent: `auto`. */
  toolChoice?: ToolChoice;
  /** Absent: the model may call several tools at once. */
  parallelToolCalls?: boolean;
  /** The answer is JSON that follows it; `{}` allows any. Not together with tools that may be called. */
  responseSchema?: JsonSchema;
  /** Refuse a conversation that is longer than the context. Absent: what is oldest is left out. */
  whole?: boolean;
}
