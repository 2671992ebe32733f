/** The routes of `flint serve`. */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { access, isOwnOrigin } from "./access.js";
import { chatCompletions } from "./chat.js";
import { completions } from "./completions.js";
import { ApiError, toApiError } from "./errors.js";
import { applyTemplate, detokenize, listModels, oneModel, props, tokenize } from "./information.js";
import { infill, nativeCompletion } from "./native.js";
import { responses } from "./responses/route.js";
import type { Server } from "./server.js";

/** Of a body, in bytes: the longest prompts with all tools have a few megabytes. */
const largestBody = 32 * 1024 ** 2;

/** What clients of llama-server or OpenAI may ask for, to be told in words that it is not there. */
const missing: readonly [what: string, ...paths: string[]][] = [
  ["reranking", "/rerank", "/reranking", "/v1/rerank", "/v1/reranking"],
  ["slots to look into or to save: it keeps what it has read by itself", "/slots", "/slots/:id"],
  ["metrics", "/metrics"],
  ["adapters", "/lora-adapters"],
  ["responses that are kept: each is told once", "/v1/responses/:id", "/v1/responses/:id/:what"],
];

/** In llama-server's and OpenAI's form. */
const embeddings = ["/embedding", "/embeddings", "/v1/embeddings"];
const noEmbeddings =
  "This server makes no embeddings: use llama-server with --embeddings, or Ollama, with a small model made for them, beside it.";

/** @param log takes a line for each failure that is the server's */
export function createApp(server: Server, keys: readonly string[], log: (line: string) => void): Hono {
  const app = new Hono();
  app.onError((error, context) => {
    const told = toApiError(error);
    if (told.status >= 500 && !context.req.raw.signal.aborted) log(`${context.req.path}: ${told.message}`);
    return context.json(told.body, told.status);
  });
  app.notFound((context) => {
    const message = `This server has no ${context.req.method} ${context.req.path}.`;
    return context.json(new ApiError(404, "invalid_request_error", message, "unknown_url").body, 404);
  });
  app.use(
    cors({
      origin: (origin) => (keys.length > 0 || isOwnOrigin(origin) ? origin : null),
      allowHeaders: ["authorization", "content-type", "x-api-key"],
    }),
  );
  app.get("/health", (context) => context.json({ status: "ok" }));
  app.get("/v1/health", (context) => context.json({ status: "ok" }));
  app.use(access(keys));
  const onError = () => {
    throw new ApiError(413, "invalid_request_error", `A request may have ${largestBody} bytes.`, "request_too_large");
  };
  app.use(bodyLimit({ maxSize: largestBody, onError }));

  for (const base of ["", "/v1"]) {
    app.get(`${base}/models`, (context) => listModels(context, server));
    app.get(`${base}/models/:model{.+}`, (context) => oneModel(context, server));
    app.post(`${base}/chat/completions`, (context) => chatCompletions(context, server));
    app.post(`${base}/responses`, (context) => responses(context, server));
  }
  app.post("/v1/completions", (context) => completions(context, server));
  app.post("/completion", (context) => nativeCompletion(context, server));
  app.post("/completions", (context) => nativeCompletion(context, server));
  app.post("/infill", (context) => infill(context, server));
  app.post("/tokenize", (context) => tokenize(context, server));
  app.post("/apply-template", (context) => applyTemplate(context, server));
  app.post("/detokenize", (context) => detokenize(context, server));
  for (const path of embeddings) {
    app.all(path, () => {
      throw new ApiError(501, "not_supported_error", noEmbeddings, "not_supported");
    });
  }
  for (const [what, ...paths] of missing) {
    for (const path of paths) {
      app.all(path, () => {
        throw new ApiError(404, "invalid_request_error", `This server has no ${what}.`, "unknown_url");
      });
    }
  }
  app.get("/props", (context) => props(context, server));
  return app;
}
