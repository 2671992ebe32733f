/** An answer in the form of `/v1/responses`: items, and the events that tell how they come to be. */
import { randomUUID } from "node:crypto";
import type { GenerationProgress, GenerationResult } from "../../protocol/messages.js";
import type { ApiError } from "../errors.js";
import { usageOf } from "../generation.js";
import type { ResponsesBody } from "./requests.js";
import type { ResponseTools } from "./tools.js";

export interface ResponseEvent {
  type: string;
  sequence_number: number;
  [field: string]: unknown;
}

/** An item with a text that grows: what the model says, or thinks. */
interface OpenItem {
  kind: "message" | "reasoning";
  id: string;
  text: string;
}

/** While a long prompt is read clients are told each so many milliseconds that the server is there: some give up without. */
const sayingMs = 15_000;

const newId = (prefix: string) => `${prefix}_${randomUUID().replaceAll("-", "")}`;
const seconds = () => Math.floor(Date.now() / 1000);

export class ResponseAnswer {
  readonly #head: object;
  readonly #output: object[] = [];
  #open: OpenItem | undefined;
  #begun = false;
  #saidMs = 0;
  #events = 0;

  /** @param send takes each event */
  constructor(
    body: ResponsesBody,
    model: string,
    private readonly tools: ResponseTools,
    private readonly send: (event: ResponseEvent) => void,
  ) {
    this.#head = head(body, model, tools);
  }

  /** More of the answer, as the engine tells it. */
  tell(told: GenerationProgress): void {
    switch (told.kind) {
      case "prompt":
        this.#sayAlive();
        return;
      case "text":
        if (told.text !== "") this.#grow("message", told.text);
        return;
      case "thought":
        if (told.text !== "") this.#grow("reasoning", told.text);
        return;
      case "toolCall":
        this.#call(told.call);
    }
  }

  /** @returns the whole response */
  end(result: GenerationResult): object {
    this.#begin();
    const isCut = result.finishReason === "length";
    // Clients expect a message, also one that says nothing.
    if (this.#open?.kind !== "message" && !isCut && !result.toolCalls) this.#grow("message", "");
    const status = isCut ? "incomplete" : "completed";
    this.#close(status);
    const response = this.#response(status, {
      completed_at: isCut ? null : seconds(),
      incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
      usage: responsesUsage(result),
    });
    this.#tell(`response.${status}`, { response });
    return response;
  }

  /** What has gone wrong after the first event. */
  fail({ message, code, type }: ApiError): void {
    this.#tell("response.failed", { response: this.#response("failed", { error: { code: code ?? type, message } }) });
  }

  #response(status: string, fields: object = {}): object {
    return { ...this.#head, status, output: [...this.#output], ...fields };
  }

  #tell(type: string, fields: object): void {
    this.send({ type, sequence_number: this.#events, ...fields });
    this.#events += 1;
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#tell("response.created", { response: this.#response("in_progress") });
    this.#sayAlive();
  }

  #sayAlive(): void {
    this.#begin();
    const now = performance.now();
    if (this.#saidMs > 0 && now - this.#saidMs < sayingMs) return;
    this.#saidMs = now;
    this.#tell("response.in_progress", { response: this.#response("in_progress") });
  }

  #grow(kind: OpenItem["kind"], text: string): void {
    this.#begin();
    if (this.#open?.kind !== kind) {
      this.#close("completed");
      const id = newId(kind === "message" ? "msg" : "rs");
      this.#open = { kind, id, text: "" };
      this.#tell("response.output_item.added", { output_index: this.#output.length, item: empty(this.#open) });
      this.#tell("response.content_part.added", { ...this.#place(id), part: part(this.#open) });
    }
    this.#open.text += text;
    if (text === "") return;
    const { id } = this.#open;
    this.#tell(`response.${partType(kind)}.delta`, { ...this.#place(id), delta: text, ...logprobs(kind) });
  }

  /** Ends the item that grows. */
  #close(status: "completed" | "incomplete"): void {
    const open = this.#open;
    if (!open) return;
    const { kind, id, text } = open;
    this.#tell(`response.${partType(kind)}.done`, { ...this.#place(id), text, ...logprobs(kind) });
    this.#tell("response.content_part.done", { ...this.#place(id), part: part(open) });
    this.#add({ ...empty(open), status, content: [part(open)] });
    this.#open = undefined;
  }

  #call(call: { id: string; name: string; arguments: string }): void {
    this.#begin();
    this.#close("completed");
    const called = this.tools.called(call);
    const isCustom = called.type === "custom_tool_call";
    const [field, kind] = isCustom ? ["input", "custom_tool_call_input"] : ["arguments", "function_call_arguments"];
    const text = isCustom ? called.input : called.arguments;
    const id = newId(isCustom ? "ctc" : "fc");
    const item = { id, call_id: call.id, ...called };
    const place = { item_id: id, output_index: this.#output.length };
    this.#tell("response.output_item.added", {
      output_index: place.output_index,
      item: { ...item, status: "in_progress", [field]: "" },
    });
    this.#tell(`response.${kind}.delta`, { ...place, delta: text });
    this.#tell(`response.${kind}.done`, { ...place, ...(isCustom ? {} : { name: called.name }), [field]: text });
    this.#add({ ...item, status: "completed" });
  }

  #add(item: object): void {
    this.#tell("response.output_item.done", { output_index: this.#output.length, item });
    this.#output.push(item);
  }

  #place(item_id: string) {
    return { item_id, output_index: this.#output.length, content_index: 0 };
  }
}

const partType = (kind: OpenItem["kind"]) => (kind === "message" ? "output_text" : "reasoning_text");
const logprobs = (kind: OpenItem["kind"]) => (kind === "message" ? { logprobs: [] } : {});

const part = ({ kind, text }: OpenItem) => ({
  type: partType(kind),
  text,
  ...(kind === "message" ? { annotations: [], ...logprobs(kind) } : {}),
});

const empty = ({ kind, id }: OpenItem) => ({
  id,
  type: kind,
  status: "in_progress",
  ...(kind === "message" ? { role: "assistant" } : { summary: [] }),
  content: [],
});

/** What stays the same from the first event to the last: mostly what was asked. */
function head(body: ResponsesBody, model: string, tools: ResponseTools): object {
  return {
    id: newId("resp"),
    object: "response",
    created_at: seconds(),
    completed_at: null,
    status: "in_progress",
    background: false,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    metadata: body.metadata ?? {},
    model,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    presence_penalty: body.presence_penalty ?? 0,
    frequency_penalty: body.frequency_penalty ?? 0,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null, ...body.reasoning },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: "default",
    store: false,
    // Greedy is what is done where nothing is asked.
    temperature: body.temperature ?? 0,
    text: { ...body.text, format: body.text?.format ?? { type: "text" } },
    tool_choice: body.tool_choice ?? "auto",
    tools: tools.repeated,
    top_logprobs: 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? "disabled",
    usage: null,
    user: body.user ?? null,
  };
}

function responsesUsage(result: GenerationResult) {
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = usageOf([result]);
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens: prompt_tokens_details.cached_tokens, cache_write_tokens: 0 },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens: result.thought?.tokens ?? 0 },
    total_tokens,
  };
}
