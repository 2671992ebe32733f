/** One `flint serve` for the tests of a file, and how they ask it. */
import OpenAI from "openai";
import { afterAll, beforeAll, expect } from "vitest";
import { chatModel } from "./chatModel.js";
import { type Serving, startServer } from "./serve.js";

export interface Served {
  readonly server: Serving;
  readonly openai: OpenAI;
  /** Its only model, by the name that clients use. */
  readonly model: string;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** Starts it before the tests of the file, with the tiny chat model; ends it after them. */
export function serveForTests(modelPath: () => Promise<string> = chatModel): Served {
  let server: Serving;
  let openai: OpenAI;
  beforeAll(async () => {
    server = await startServer(await modelPath(), "--ram-cap", "1GiB");
    openai = clientOf(server);
  });
  afterAll(async () => {
    expect((await server.stop()).status).toBe(130);
  });
  return {
    get server() {
      return server;
    },
    get openai() {
      return openai;
    },
    get model() {
      return server.models[0] ?? "";
    },
    post: (path, body, headers = {}) =>
      fetch(`${server.url}${path}`, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
        headers: { "content-type": "application/json", ...headers },
      }),
  };
}

export const clientOf = ({ url }: Pick<Serving, "url">, apiKey = "none"): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

export const ask = (content: string) => [{ role: "user" as const, content }];

/** What a light's tool takes; `isLight` tells whether arguments are that. */
export const lightSchema = {
  type: "object",
  properties: { room: { enum: ["kitchen", "hall"] }, on: { type: "boolean" }, level: { enum: [1, 2] } },
  required: ["room", "on"],
};

export const isLight = (args: unknown) =>
  expect(args).toSatisfy((value: Record<string, unknown>) => {
    const { room, on, level, ...others } = value;
    const known = room === "kitchen" || room === "hall";
    return (
      known &&
      typeof on === "boolean" &&
      [undefined, 1, 2].includes(level as number) &&
      Object.keys(others).length === 0
    );
  });
