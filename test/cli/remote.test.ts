/** Flint's backend for other machines against real servers: llama.cpp's own, and another Flint. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CancellationTokenSource } from "vscode-jsonrpc";
import { RemoteBackends } from "../../extension/backends/remote/remoteBackends.js";
import { parseBackends } from "../../extension/backends/remote/settings.js";
import { chatModel } from "../support/chatModel.js";
import { prepareLlamaServer, startLlamaServer } from "../support/llamaServer.js";
import { startServer } from "../support/serve.js";

const llamaServer = await prepareLlamaServer();
const none = new CancellationTokenSource().token;

interface Real {
  url: string;
  stop(): Promise<unknown>;
}
const servers: [string, string | undefined, () => Promise<Real>][] = [
  ["llama-server", llamaServer.missing, async () => startLlamaServer(llamaServer, await chatModel(), 512)],
  ["flint serve", undefined, async () => startServer(await chatModel(), "--ram-cap", "1GiB")],
];

describe.each(servers)("%s", (name, missing, start) => {
  const forces = name === "flint serve";
  let server: Real | undefined;
  let backends: RemoteBackends;
  beforeAll(async () => {
    if (missing !== undefined) return;
    server = await start();
    const settings = parseBackends([{ name: "box", url: server.url }]);
    backends = new RemoteBackends({ settings: () => settings, key: async () => undefined });
  });
  afterAll(() => server?.stop());

  const chosen = async () => {
    const [choice] = await backends.list(AbortSignal.timeout(60_000), (message) => expect.unreachable(message));
    if (!choice) throw new Error("It lists no model.");
    return backends.of(choice.reference);
  };

  test("tells its limits and counts tokens", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const backend = await chosen();
    expect(await backend.limits(none)).toEqual({ contextTokens: 512 });
    expect(await backend.countTokens("def f(a):")).toBeGreaterThan(2);
  });

  test("streams an answer, which can be stopped", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const backend = await chosen();
    const request = { messages: [{ role: "user" as const, text: "def add(" }], temperature: 0 };
    let told = "";
    const whole = await backend.chat({ ...request, maximumTokens: 8 }, { onText: (text) => (told += text) });
    expect(whole.text).toBe(told);
    expect(told).not.toBe("");
    expect(whole.finishReason).toBe("length");
    const stop = new CancellationTokenSource();
    const stopped = await backend.chat(request, { onText: () => stop.cancel() }, stop.token);
    expect(stopped.finishReason).toBe("cancelled");
    expect(stopped.text).not.toBe("");
  });

  test("takes tools, and calls one where the server forces that", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const backend = await chosen();
    const parameters = { type: "object", properties: { room: { enum: ["hall"] } }, required: ["room"] };
    const calls: { name: string; arguments: string }[] = [];
    await backend.chat(
      {
        messages: [{ role: "user", text: "Light!" }],
        tools: [{ name: "set_light", description: "Turns on a light", parameters }],
        toolChoice: "required",
        maximumTokens: 200,
        temperature: 0,
      },
      { onText: () => undefined, onToolCall: (call) => calls.push(call) },
    );
    // llama-server lets a model write text first, and this one never stops.
    if (forces) expect(calls).not.toEqual([]);
    for (const { name, arguments: args } of calls) {
      expect(name).toBe("set_light");
      expect(JSON.parse(args)).toEqual({ room: "hall" });
    }
  });

  test("fills in the middle", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const backend = await chosen();
    await backend.limits(none);
    expect(backend.capabilities).toEqual({ infill: true });
    const completion = await backend.complete({ prefix: "def f(", suffix: "):\n", maximumTokens: 4 }, none);
    expect(completion?.text).not.toBe("");
  });
});
