/** Completions while somebody types: what is read again for each key. */
import { expect, test } from "vitest";
import type { Sidecar } from "../../protocol/client.js";
import {
  type ChatMessage,
  type CompleteParams,
  chatRequest,
  completeRequest,
  countTokensRequest,
  detokenizeRequest,
  planRequest,
  statsRequest,
} from "../../protocol/messages.js";
import { syntheticModel } from "../support/models.js";
import { cappedSidecar, load, sidecar, watch } from "../support/sidecar.js";

const lines = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `const ${name}${i} = compute(${i});\n`).join("");
const files = [{ name: "src/other.ts", text: lines("other", 10) }];
const place = { prefix: lines("before", 30), suffix: `\n${lines("after", 3)}`, files, path: "src/main.ts" };
/** Somebody has typed this. */
const typed = (text: string) => ({ ...place, prefix: place.prefix + text, typing: true });

/** @returns how many tokens of the prompt were read for it, and the result */
async function complete(started: Sidecar, params: CompleteParams) {
  const watched = watch(started, (progressToken, token) =>
    started.connection.sendRequest(completeRequest, { maximumTokens: 2, ...params, progressToken }, token),
  );
  const result = await watched.result;
  const [first] = watched.progress.flatMap((each) => (each.kind === "prompt" ? [each.readTokens] : []));
  return { read: result.promptTokens.length - (first ?? result.promptTokens.length), result };
}

async function loaded(): Promise<Sidecar> {
  const started = await sidecar();
  const { infill, inline, plan } = await load(started, await syntheticModel("llama-infill"), { contextTokens: 2048 });
  expect({ infill, inline }).toMatchObject({ infill: true, inline: { contextTokens: 2048, infill: true } });
  expect(plan?.inlineBytes).toBeGreaterThan(0);
  return started;
}

const ask = (started: Sidecar, messages: ChatMessage[], maximumTokens: number) =>
  watch(started, (progressToken, token) =>
    started.connection.sendRequest(chatRequest, { messages, maximumTokens, progressToken }, token),
  );
const user = (text: string): ChatMessage => ({ role: "user", text });

test("for each key only what is new is read, and what follows the cursor, but no other files", async () => {
  const started = await loaded();
  const text = "const sum = before1 + before2;\nconst next = ";
  const all = await complete(started, typed(""));
  expect(all.read).toBeGreaterThan(400);
  const { tokens: after } = await started.connection.sendRequest(countTokensRequest, { text: place.suffix });
  for (let length = 1; length <= text.length; length++) {
    const { read } = await complete(started, typed(text.slice(0, length)));
    // The marks around what follows, and what is typed.
    expect(read, text.slice(0, length)).toBeLessThanOrEqual(after + 6);
  }
});

test("what was prepared is not read again", async () => {
  const started = await loaded();
  const { result, read } = await complete(started, { ...typed("const"), prepareOnly: true });
  expect(read).toBe(result.promptTokens.length);
  expect(result).toMatchObject({ text: "", tokens: [] });
  expect((await complete(started, typed("const"))).read).toBeLessThanOrEqual(2);
});

test("a word that has begun is written anew, whatever it is, and not told again", async () => {
  const started = await loaded();
  const { promptTokens } = (await complete(started, typed("const sum ="))).result;
  for (const half of [" b", " bef", "\tbef", " (be", " user_na", ".zq"]) {
    const begun = /.[a-z]+$/.exec(half)?.[0] ?? "";
    const request = { ...typed(`const sum =${half}`), maximumTokens: 8 };
    const watched = watch(started, (progressToken, token) =>
      started.connection.sendRequest(completeRequest, { ...request, progressToken }, token),
    );
    const { text, tokens, ...result } = await watched.result;
    expect((await started.connection.sendRequest(detokenizeRequest, { tokens })).text).toBe(begun + text);
    // The last token may be half a character.
    expect(text.startsWith(watched.text())).toBe(true);
    if (begun === half) expect(result.promptTokens).toEqual(promptTokens);
  }
  const last = "const sum = before";
  expect((await complete(started, typed(last))).read).toBeLessThanOrEqual(2);
  expect((await complete(started, typed(`${last}s`))).read).toBe(1);
});

test("what has no room in the context is cut far from the cursor, and the beginning stays while one types", async () => {
  const started = await loaded();
  const prefix = lines("before", 400);
  const suffix = `\n${lines("after", 400)}`;
  const { result } = await complete(started, { ...place, prefix: `${prefix}x`, suffix, typing: true });
  expect(result.promptTokens.length).toBeLessThan(2048);
  // A quarter of the context's tokens is what follows the cursor, which is read again.
  const most = 2048 / 4 + 6;
  for (const text of ["x ", "x =", "x = before", "x = before1\ny"]) {
    const { read } = await complete(started, { ...place, prefix: prefix + text, suffix, typing: true });
    expect(read, text).toBeLessThanOrEqual(most);
  }
});

test("a conversation and suggestions of one model leave what the other has read alone", async () => {
  const started = await loaded();
  const suggestion = typed("const sum");
  await complete(started, suggestion);
  const question = user(lines("question", 20));
  const first = await ask(started, [question], 8).result;
  // It is asked again from the same place, as if nothing had been said meanwhile.
  expect((await complete(started, suggestion)).read).toBeLessThanOrEqual(2);
  const messages: ChatMessage[] = [question, { role: "assistant", text: first.text }, user("And then?")];
  const second = await ask(started, messages, 8).result;
  expect(second.cachedPromptTokens).toBeGreaterThanOrEqual(first.promptTokens.length);
});

test("a suggestion of the model that answers does not wait for the end of the answer, which stays the same", async () => {
  const started = await loaded();
  const question = [user("Tell me something.")];
  const alone = await ask(started, question, 24).result;
  const answer = ask(started, question, 24);
  await answer.reached(2);
  const order: string[] = [];
  void answer.result.then(() => order.push("answer"));
  await complete(started, typed("const"));
  order.push("suggestion");
  expect((await answer.result).text).toBe(alone.text);
  expect(order).toEqual(["suggestion", "answer"]);
});

test("the second KV cache is made where it has room, and stays within the cap", async () => {
  const modelPath = await syntheticModel("llama-infill");
  const trying = await sidecar();
  const has = async (ramCapBytes: number) =>
    (await load(trying, modelPath, { contextTokens: 2048, ramCapBytes })).inline !== undefined;
  const request = { modelPath, contextTokens: 2048, ramCapBytes: 1024 ** 4 };
  let without = (await trying.connection.sendRequest(planRequest, request)).minimumCapBytes;
  let cap = 1024 ** 3;
  expect(await has(without)).toBe(false);
  while (cap - without > 1e6) {
    const between = Math.floor((without + cap) / 2);
    if (await has(between)) cap = between;
    else without = between;
  }
  const { sidecar: started, group } = await cappedSidecar(cap);
  await load(started, modelPath, { contextTokens: 2048, ramCapBytes: cap });
  await complete(started, { ...place, prefix: `${lines("before", 400)}x`, typing: true, maximumTokens: 64 });
  await ask(started, [user(lines("question", 60))], 64).result;
  const { memory } = await started.connection.sendRequest(statsRequest);
  expect(memory.peakBytes).toBeLessThanOrEqual(cap);
  if (group) expect(await group.usage()).toMatchObject({ oomKills: 0 });
});

test("what a key has made useless ends, and the next suggestion is as if it had not been", async () => {
  const started = await loaded();
  const wanted = (await complete(started, { ...typed("const x"), maximumTokens: 8 })).result.text;
  const other = { ...place, prefix: `${lines("elsewhere", 60)}let`, typing: true };
  for (const pieces of [0, 3]) {
    const useless = watch(started, (progressToken, token) =>
      started.connection.sendRequest(
        completeRequest,
        { ...other, maximumTokens: 500, ignoreEos: true, progressToken },
        token,
      ),
    );
    if (pieces > 0) await useless.reached(pieces);
    useless.cancel();
    expect(await useless.result).toMatchObject({ finishReason: "cancelled" });
    expect((await complete(started, { ...typed("const x"), maximumTokens: 8 })).result.text).toBe(wanted);
  }
});
