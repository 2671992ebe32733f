/** Nothing that a client sends ends the sidecar: what is out of bounds is refused in one line, and the next request is answered. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type MessageConnection, ResponseError } from "vscode-jsonrpc/node";
import type * as z from "zod";
import { ErrorCode } from "../../protocol/errors.js";
import {
  chatParams,
  completeParams,
  convertParams,
  evaluateParams,
  initializeParams,
  loadParams,
  planConversionParams,
  planParams,
} from "../../protocol/schemas.js";
import { inCheckout } from "../support/flint.js";
import { load, sidecar } from "../support/sidecar.js";

const model = inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf");
const missing = inCheckout("build/no such model.gguf");
const ramCapBytes = 4 * 1024 ** 3;
/** As few as node-llama-cpp makes a context of. */
const contextTokens = 256;

/** Of each request, its schema and parameters that are valid. */
const requests = {
  initialize: { schema: initializeParams, valid: { protocolVersion: 1 } },
  plan: { schema: planParams, valid: { modelPath: missing, ramCapBytes } },
  load: { schema: loadParams, valid: { modelPath: missing, ramCapBytes, engine: "flash" } },
  chat: { schema: chatParams, valid: { messages: [{ role: "user", text: "Hello" }], maximumTokens: 2 } },
  complete: { schema: completeParams, valid: { prefix: "Hello", maximumTokens: 2, ignoreEos: true } },
  evaluate: { schema: evaluateParams, valid: { text: "Hello, world" } },
  convert: { schema: convertParams, valid: { modelPath: missing } },
  planConversion: { schema: planConversionParams, valid: { modelPath: missing } },
} satisfies Record<string, { schema: z.ZodType; valid: object }>;
type Method = keyof typeof requests;

/** The error of a request; undefined where it succeeds. */
async function errorOf(
  connection: MessageConnection,
  method: string,
  params: unknown,
): Promise<ResponseError<unknown> | undefined> {
  try {
    await connection.sendRequest(method, params);
    return undefined;
  } catch (error) {
    if (error instanceof ResponseError) return error;
    throw error;
  }
}

const noNumber = ["8", true, {}, [], null];
const noCount = [...noNumber, 0, -1, 1.5, 2 ** 53];
const noPath = ["", "a\0b", "x".repeat(40_000), 5, true, {}, [], null];
const noText = [5, true, {}, [], null];
const noFlag = ["true", 1, 0, {}, [], null];

/** By request and parameter: values that are refused. */
const refused: Record<string, Record<string, unknown[]>> = {
  initialize: { protocolVersion: [...noNumber, 1.5] },
  plan: {
    modelPath: noPath,
    ramCapBytes: noCount,
    contextTokens: [...noCount, 2 ** 31],
    diskMs: [...noNumber, -1, 60_001],
    sparsity: ["", "some", 1, null],
    draftModelPath: noPath,
    inlineModelPath: noPath,
    modelpath: ["misspelt"],
  },
  load: {
    engine: ["", "fast", 1, null],
    threads: [...noCount, 513],
    tracePath: noPath,
    progressToken: noText,
    kvCache: [
      ...[5, true, {}, [], null, "/kv"],
      { folder: "", budgetBytes: 1 },
      { folder: "/kv", budgetBytes: 0 },
      { folder: "/kv", budgetBytes: 1, more: 1 },
    ],
  },
  chat: {
    messages: [[], {}, null, "Hello", [5], [{ role: "user" }], [{ role: "tool", text: "" }]],
    maximumTokens: noCount,
    temperature: [...noNumber, -0.1, 100.1],
    seed: [...noNumber, -1, 1.5, 2 ** 32 - 1],
    logprobs: [...noNumber, -1, 1.5, 21],
    ignoreEos: noFlag,
    progressToken: [...noText, "x".repeat(257)],
  },
  complete: {
    prefix: noText,
    suffix: noText,
    maximumTokens: noCount,
    temperature: [...noNumber, "hot", -0.1, 1e9],
    seed: [...noNumber, -1, 2 ** 32 - 1],
    ignoreEos: noFlag,
    progressToken: noText,
    ["__proto__"]: [],
    stop: ["\n"],
  },
  evaluate: { text: noText, progressToken: noText },
  convert: {
    modelPath: noPath,
    folder: noPath,
    quantize: ["", "--out", "Q4 0", 4, null],
    calibrationPath: noPath,
    ramCapBytes: noCount,
    progressToken: noText,
  },
  planConversion: { modelPath: noPath, ramCapBytes: noCount },
};

const validOf = (method: string): object => requests[method as Method].valid;

describe("parameters", () => {
  test("that are out of bounds are refused by name, and the sidecar goes on", async () => {
    const started = await sidecar();
    const { connection } = started;
    await load(started, model, { contextTokens });
    for (const [method, parameters] of Object.entries(refused)) {
      for (const [name, values] of Object.entries(parameters)) {
        for (const value of values) {
          const error = await errorOf(connection, method, { ...validOf(method), [name]: value });
          const shown = `${method} with ${name} ${JSON.stringify(value).slice(0, 40)}: ${error?.message}`;
          expect(error?.code, shown).toBe(ErrorCode.InvalidArgument);
          expect(error?.message, shown).toMatch(/^\S.{0,199}\.$/);
          expect(error?.message, shown).toContain(name);
        }
      }
    }
    for (const method of Object.keys(requests)) {
      for (const params of [[], [5, 6], "text", 5, true]) {
        expect((await errorOf(connection, method, params))?.code).toBe(ErrorCode.InvalidArgument);
      }
    }
    const verbose = await errorOf(connection, "stats", { verbose: true });
    expect(verbose).toMatchObject({ code: ErrorCode.InvalidArgument, message: 'stats has no parameter "verbose".' });
    expect((await errorOf(connection, "stats", 5))?.message).toBe("stats takes no parameters.");
    // Nobody has unloaded it.
    expect(await errorOf(connection, "chat", validOf("chat"))).toBeUndefined();
  });

  test("that are missing are named", async () => {
    const { connection } = await sidecar();
    const error = await errorOf(connection, "plan", { modelPath: missing });
    expect(error?.message).toBe("ramCapBytes is missing: it must be a whole number of bytes, 1 or more.");
    const nested = { messages: [{ role: "user", text: "Hello" }, { role: "user" }] };
    expect((await errorOf(connection, "chat", nested))?.message).toMatch(/^messages\[1\]\.text is missing: /);
    const silent = { messages: [{ role: "assistant", text: "Hello" }] };
    expect((await errorOf(connection, "chat", silent))?.message).toBe("messages must end with a message of the user.");
  });

  test.each(["chat", "complete"])("%s ends with the context, however much is asked for", async (method) => {
    const started = await sidecar();
    await load(started, model, { contextTokens });
    const params = { ...validOf(method), maximumTokens: 1e12 };
    const { tokens } = await started.connection.sendRequest<{ tokens: number[] }>(method, params);
    expect(tokens.length).toBeGreaterThan(0);
    expect(tokens.length).toBeLessThanOrEqual(contextTokens);
  });

  test("of any shape get an answer", async () => {
    const started = await sidecar();
    await load(started, model, { contextTokens });
    const names = Object.values(requests).flatMap(({ schema }) => Object.keys(schema.shape));
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.double(), fc.maxSafeInteger());
    const request = fc.record({
      method: fc.constantFrom(...Object.keys(requests)),
      changes: fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), value, { minKeys: 1, maxKeys: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ method, changes }) => {
        // As it arrives: JSON knows neither NaN nor minus zero.
        const params = JSON.parse(JSON.stringify({ ...validOf(method), ...changes }));
        const valid = requests[method as Method].schema.safeParse(params).success;
        // These would do as they are told with any file or folder that exists.
        if (valid && (method === "convert" || method === "plan" || method === "load")) return;
        const error = await errorOf(started.connection, method, params);
        if (!valid) expect(error).toMatchObject({ code: ErrorCode.InvalidArgument });
        if (error) expect(error.message).toMatch(/^\S[^\n]*$/);
      }),
      { numRuns: 400, interruptAfterTimeLimit: 60_000 },
    );
    expect(await errorOf(started.connection, "complete", validOf("complete"))).toBeUndefined();
  });
});
