/** Talks to another machine: OpenAI's own library, and the few routes that it does not know. */
import * as l10n from "@vscode/l10n";
import OpenAI from "openai";
import { RemoteError } from "./errors.js";
import type { BackendSettings } from "./settings.js";

/** Of questions about a model, which may have to be loaded first, in milliseconds. Answers have no limit: a big model may read for minutes. */
const questionMs = 120_000;
/** The longest that setTimeout knows. */
const noLimitMs = 2 ** 31 - 1;

export class RemoteClient {
  readonly openai: OpenAI;
  readonly host: string;

  /** @param key undefined where the server wants none */
  constructor(
    private readonly backend: BackendSettings,
    private readonly key: string | undefined,
  ) {
    this.host = backend.host;
    this.openai = new OpenAI({
      baseURL: `${backend.url}/v1`,
      apiKey: key ?? "none",
      // Tried again by hand only.
      maxRetries: 0,
      logLevel: "off",
      timeout: noLimitMs,
      // VS Code's, which knows the proxies and certificates of its settings.
      fetch: (...request) => globalThis.fetch(...request),
      // The library refuses to run where there is a `window`.
      dangerouslyAllowBrowser: true,
    });
  }

  /** Asks for JSON outside of OpenAI's API. @returns undefined where the server does not know the route */
  async question(path: string, signal: AbortSignal, body?: object): Promise<unknown> {
    const response = await globalThis.fetch(this.backend.url + path, {
      method: body ? "POST" : "GET",
      headers: {
        ...(body ? { "content-type": "application/json" } : {}),
        ...(this.key === undefined ? {} : { authorization: `Bearer ${this.key}` }),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.any([signal, AbortSignal.timeout(questionMs)]),
    });
    if (!response.ok) {
      await response.body?.cancel();
      return undefined;
    }
    return response.json().catch(() => undefined);
  }

  /** As `question`, for a route that is known to be there, and without a limit of time. @throws RemoteError */
  async ask(path: string, body: object, signal: AbortSignal): Promise<unknown> {
    const response = await this.openai.post(`${this.backend.url}${path}`, { body, signal });
    if (response === undefined || response === null) throw new RemoteError(l10n.t("{0} gave no answer.", this.host));
    return response;
  }
}
