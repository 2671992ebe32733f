/** A model of another machine. Knows no VS Code. */
import { CancellationToken } from "vscode-jsonrpc";
import { z } from "zod";
import { type ChatMessage, type CountPromptTokensResult, noFlash } from "../../../protocol/messages.js";
import { Turns } from "../../../protocol/turns.js";
import { abortedBy } from "../../engine/cancellation.js";
import { Cancelled } from "../../engine/errors.js";
import { LatestOnly } from "../../engine/latestOnly.js";
import type { Answer, Backend, Capabilities, ChatEvents, ChatRequest, CompletionRequest, Limits } from "../backend.js";
import { type Abilities, abilitiesOf, countRemoteTokens, listModels } from "./abilities.js";
import type { RemoteClient } from "./client.js";
import { readStream, toParams } from "./conversation.js";
import { toRemoteError } from "./errors.js";
import { fimPrompt } from "./fim.js";

/** Of a server that does not say: Ollama's own. */
const assumedContext = 4096;
/** Of UTF-16 units to a token, where the server cannot count: code has about three. */
const unitsPerToken = 3;
/** Without a sign of life for so long, in milliseconds, the server is asked whether it still runs. */
const silenceMs = 60_000;

/** That OpenAI's API takes. */
const mostStops = 4;

const infillAnswer = z.looseObject({ content: z.string(), stop_type: z.string().nullish() });

export interface RemoteBackendOptions {
  /** With the key of now. */
  client(): Promise<RemoteClient>;
  model: string;
  /** An answer begins or ends. */
  onBusy(busy: boolean): void;
  /** Absent: a minute. */
  silenceMs?: number;
}

export class RemoteBackend implements Backend {
  private readonly turns = new Turns();
  private readonly latest = new LatestOnly();
  private known: Promise<Abilities> | undefined;
  private current: Abilities | undefined;

  constructor(private readonly options: RemoteBackendOptions) {}

  get capabilities(): Capabilities | undefined {
    const { current } = this;
    return current && { infill: current.infill || fimPrompt(this.options.model, "", "") !== undefined };
  }

  get canComplete(): boolean {
    return this.current !== undefined;
  }

  get isAnswering(): boolean {
    return this.turns.isBusy;
  }

  warmUp(): void {
    // Who asks is told what is wrong.
    this.abilities(CancellationToken.None).catch(() => undefined);
  }

  chat(request: ChatRequest, events: ChatEvents, token: CancellationToken = CancellationToken.None): Promise<Answer> {
    const waits = this.turns.isBusy;
    if (waits) events.onWaiting?.(true);
    return abortedBy(token, (signal) =>
      this.turns.run(async () => {
        if (waits) events.onWaiting?.(false);
        this.options.onBusy(true);
        try {
          return await this.answer(request, events, signal);
        } finally {
          this.options.onBusy(false);
        }
      }, signal),
    );
  }

  /** Its API has no way for that. */
  async answerNow(): Promise<void> {}

  async complete(request: CompletionRequest, token: CancellationToken, onText?: (text: string) => void) {
    const abilities = this.current;
    if (!abilities) return undefined;
    // Servers without that route have no way to only read a prompt.
    if (request.prepareOnly && !abilities.infill) return undefined;
    const completion = await this.latest.run(
      (ownToken) =>
        this.request(ownToken, (client, signal) =>
          abilities.infill ? this.infill(client, request, signal) : this.continue(client, request, signal),
        ),
      token,
    );
    onText?.(completion.text);
    return completion;
  }

  async countTokens(text: string, token: CancellationToken = CancellationToken.None): Promise<number> {
    const { tokenizer } = await this.abilities(token);
    const counted = await this.request(token, (client, signal) =>
      countRemoteTokens(client, this.options.model, tokenizer, text, signal),
    );
    return counted ?? Math.ceil(text.length / unitsPerToken);
  }

  /** The server's chat template is not known: a few tokens for each message. It is given all. */
  async countPromptTokens(
    messages: ChatMessage[],
    token: CancellationToken = CancellationToken.None,
  ): Promise<CountPromptTokensResult> {
    const all = messages.map(({ role, text }) => `<|im_start|>${role}\n${text}\n`).join("");
    return { tokens: await this.countTokens(all, token), omittedMessages: [] };
  }

  async limits(token: CancellationToken = CancellationToken.None): Promise<Limits> {
    const { contextTokens } = await this.abilities(token);
    return { contextTokens: contextTokens ?? assumedContext };
  }

  /** Asked once; again after a failure. @throws RemoteError, Cancelled */
  abilities(token: CancellationToken): Promise<Abilities> {
    this.known ??= this.request(token, async (client, signal) => {
      const models = await listModels(client, signal);
      const { model } = this.options;
      const listed = models.find(({ id }) => id === model) ?? { id: model, contextTokens: undefined };
      this.current = await abilitiesOf(client, listed, signal);
      return this.current;
    }).catch((error: unknown) => {
      this.known = undefined;
      throw error;
    });
    return this.known;
  }

  private async answer(request: ChatRequest, events: ChatEvents, signal: AbortSignal): Promise<Answer> {
    const begun = performance.now();
    let text = "";
    const client = await this.options.client();
    const silence = new AbortController();
    const watch = this.watch(client, silence);
    const heard: ChatEvents = {
      ...events,
      onText: (piece) => {
        text += piece;
        watch.refresh();
        events.onText(piece);
      },
      onThought: (more) => {
        watch.refresh();
        events.onThought?.(more);
      },
    };
    try {
      const params = toParams(this.options.model, request);
      const either = AbortSignal.any([signal, silence.signal]);
      const stream = await client.openai.chat.completions.create(params, { signal: either });
      const { pieces, ...answer } = await readStream(stream, heard, client.host);
      // The library ends a stream that is aborted as if it were complete.
      if (signal.aborted) return { text, finishReason: "cancelled", tokensPerSecond: 0, flash: noFlash };
      const tokensPerSecond = (1000 * pieces) / (performance.now() - begun);
      const { thought } = answer;
      const said = { text: answer.text, finishReason: answer.finishReason, ...(thought && { thought }) };
      return { ...said, tokensPerSecond, flash: noFlash };
    } catch (error) {
      if (signal.aborted) return { text, finishReason: "cancelled", tokensPerSecond: 0, flash: noFlash };
      const gone = silence.signal.aborted ? silence.signal.reason : error;
      throw toRemoteError(gone, client.host) ?? new Cancelled();
    } finally {
      clearTimeout(watch);
    }
  }

  /** Aborts where the server is silent and does not answer a question either. It may read a long prompt for minutes. */
  private watch(client: RemoteClient, silence: AbortController): NodeJS.Timeout {
    const timer = setTimeout(async () => {
      try {
        await listModels(client, silence.signal);
        timer.refresh();
      } catch (error) {
        silence.abort(error);
      }
    }, this.options.silenceMs ?? silenceMs);
    timer.unref?.();
    return timer;
  }

  private async infill(client: RemoteClient, request: CompletionRequest, signal: AbortSignal) {
    const { prefix, suffix = "", maximumTokens, files = [], stop = [], prepareOnly } = request;
    const body = {
      model: this.options.model,
      input_prefix: prefix,
      // What stands here is read after the text behind the cursor, and models go on from there worse.
      prompt: "",
      input_suffix: suffix,
      temperature: 0,
      cache_prompt: true,
      ...(files.length > 0 ? { input_extra: files.map(({ name, text }) => ({ filename: name, text })) } : {}),
      ...(stop.length > 0 ? { stop } : {}),
      ...(prepareOnly ? { n_predict: 0 } : maximumTokens === undefined ? {} : { n_predict: maximumTokens }),
    };
    const answer = infillAnswer.parse(await client.ask("/infill", body, signal));
    return {
      text: answer.content,
      finishReason: answer.stop_type === "limit" ? ("length" as const) : ("stop" as const),
    };
  }

  private async continue(client: RemoteClient, request: CompletionRequest, signal: AbortSignal) {
    const { prefix, suffix = "", maximumTokens, stop = [] } = request;
    const { model } = this.options;
    const fim = fimPrompt(model, prefix, suffix);
    const stops = [...stop, ...(fim?.stop ?? [])].slice(0, mostStops);
    const { choices } = await client.openai.completions.create(
      {
        model,
        prompt: fim?.prompt ?? prefix,
        temperature: 0,
        ...(stops.length > 0 ? { stop: stops } : {}),
        ...(maximumTokens === undefined ? {} : { max_tokens: maximumTokens }),
      },
      { signal },
    );
    const [choice] = choices ?? [];
    const finishReason = choice?.finish_reason === "length" ? ("length" as const) : ("stop" as const);
    return { text: choice?.text ?? "", finishReason };
  }

  private request<T>(
    token: CancellationToken,
    work: (client: RemoteClient, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return abortedBy(token, async (signal) => {
      const client = await this.options.client();
      try {
        return await work(client, signal);
      } catch (error) {
        if (signal.aborted) throw new Cancelled();
        throw toRemoteError(error, client.host) ?? new Cancelled();
      }
    });
  }
}
