/**
 * A sidecar over the real protocol whose answers are scripted by the question, for tests of what the window shows. As
 * dist/sidecar.js of an installed extension it takes the place of the real one.
 *
 * - "say TEXT" is answered with the text, word by word;
 * - "hold TEXT" likewise, and then with nothing more until it is stopped;
 * - "words N" with so many words, 50 a second;
 * - "file PATH" with what is in the file, all at once;
 * - "count TEXT" with the text and how often that was asked;
 * - "think TEXT" likewise after a thought, which goes on until it is ended, or without one where none is wanted;
 * - the question of **Write Commit Message** with "Sum up all numbers";
 * - "crash TEXT" says the text, and the process kills itself;
 * - "call NAME JSON" calls a tool, and says "Done." once there is its result.
 *
 * A half answer is continued with " and so on.".
 *
 * What stands in a gap is said by a comment before it: after `# KEY -> TEXT`, a line that ends with KEY goes on with TEXT,
 * blanks at its end aside. `{files}` in TEXT stands for the names of the other files that came with the request, or "none".
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type CancellationToken,
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import {
  answerNowRequest,
  type ChatMessage,
  chatRequest,
  completeRequest,
  countPromptTokensRequest,
  countTokensRequest,
  type GenerationResult,
  generationProgress,
  initializeRequest,
  inspectRequest,
  loadRequest,
  noFlash,
  type Plan,
  planRequest,
  protocolVersion,
  shutdownRequest,
  statsRequest,
  type Thought,
  type ToolCall,
} from "../../protocol/messages.js";

const connection = createMessageConnection(
  new StreamMessageReader(process.stdin),
  new StreamMessageWriter(process.stdout),
);
connection.onClose(() => process.exit(0));

const gibibyte = 1024 ** 3;
const usualContextTokens = 4096;
const none = { residentBytes: gibibyte, pinnedBytes: 0, streamedBytes: 0, rowReadBytes: 0 };
const planWith = (contextTokens = usualContextTokens): Plan => ({
  fits: true,
  minimumCapBytes: gibibyte,
  maximumContext: 32_768,
  contextTokens,
  weights: { ...none, expertCacheBytes: 0, neuronCacheBytes: 0 },
  ...{ kvBytes: 0, computeBytes: 0, stagingBytes: 0, processBytes: 0, draftBytes: 0, inlineBytes: 0 },
  estimatedTokensPerSecond: 5,
});
const generated = {
  ...{ modelPath: "scripted.gguf", tokens: [], promptTokens: [], timeToFirstTokenMs: 1 },
  ...{ cachedPromptTokens: 0, omittedMessages: [] },
  ...{ msPerToken: { mean: 20, median: 20, p95: 20 }, tokensPerSecond: 50, flash: noFlash },
};
const countWords = (text: string) => text.split(/\s+/).filter(Boolean).length;

let counted = 0;

/** The last line, or what is asked of **Edit Selection**; in VS Code's own chat the question is between tags. */
const questionOf = (text: string) =>
  /^Change the code: (.*)$/m.exec(text)?.[1] ??
  /<userRequest>\s*([^<]*\S)\s*<\/userRequest>/.exec(text)?.[1] ??
  text.split("\n").at(-1) ??
  "";

/** What is said, piece by piece, to a conversation. */
async function* answerTo(messages: readonly ChatMessage[], token: CancellationToken): AsyncGenerator<string> {
  const last = messages.at(-1);
  if (last?.role === "assistant") {
    yield " and so on.";
    return;
  }
  if (last?.role === "tool") {
    yield "Done.";
    return;
  }
  const [, verb = "", rest = ""] = /(\w+) ?(.*)$/s.exec(questionOf(last?.text ?? "")) ?? [];
  if (verb === "file") {
    yield await readFile(rest, "utf8");
    return;
  }
  if (verb === "count") {
    counted += 1;
    yield `${rest} ${counted}`;
    return;
  }
  if (last?.text.includes("git commit message")) {
    yield "Sum up all numbers";
    return;
  }
  if (verb === "words") {
    for (let index = 1; index <= Number(rest) && !token.isCancellationRequested; index++) {
      yield index % 12 === 0 ? `word${index}.\n\n` : `word${index} `;
      await sleep(20);
    }
    return;
  }
  for (const word of rest.split(/(?<= )/)) yield word;
  if (verb === "crash") {
    // What was said is on its way.
    await sleep(200);
    process.kill(process.pid, "SIGKILL");
  }
  if (verb !== "hold" || token.isCancellationRequested) return;
  await new Promise<void>((resolve) => token.onCancellationRequested(() => resolve()));
}

connection.onRequest(initializeRequest, () => ({ protocolVersion, version: "scripted", llamaCppRelease: "none" }));
connection.onRequest(planRequest, ({ contextTokens }) => planWith(contextTokens));
connection.onRequest(loadRequest, ({ contextTokens = usualContextTokens }) => ({
  ...{ name: "Scripted", architecture: "llama", contextTokens, infill: true, plan: planWith(contextTokens) },
  chatTemplate: "model" as const,
  thinking: "optional" as const,
}));
connection.onRequest(inspectRequest, () => ({ name: "Scripted" }));
connection.onRequest(countTokensRequest, ({ text }) => ({ tokens: countWords(text) }));
connection.onRequest(countPromptTokensRequest, ({ messages }) => ({
  tokens: messages.reduce((sum, { text }) => sum + countWords(text), 0),
  omittedMessages: [],
}));
connection.onRequest(statsRequest, () => ({
  memory: { capBytes: gibibyte, peakBytes: gibibyte / 2, residentBytes: gibibyte / 2 },
  flash: noFlash,
  warmingBytes: 0,
}));
connection.onRequest(shutdownRequest, () => undefined);
let answerNow: () => void = () => undefined;
connection.onRequest(answerNowRequest, () => {
  answerNow();
  return true;
});

/** Thinks until a person wants the answer. */
async function think(progressToken: string, token: CancellationToken): Promise<Thought> {
  const ended = new Promise<void>((resolve) => {
    answerNow = resolve;
    token.onCancellationRequested(() => resolve());
  });
  let text = "";
  for (const [index, word] of "First I look at it from all sides.".split(/(?<= )/).entries()) {
    text += word;
    const progress = { kind: "thought" as const, text: word, tokens: index + 1, durationMs: index * 500 };
    await connection.sendProgress(generationProgress, progressToken, { ...progress, tokensPerSecond: 2 });
  }
  await ended;
  return { text, tokens: 8, durationMs: 3500, endedEarly: true };
}

function callOf(messages: readonly ChatMessage[]): ToolCall | undefined {
  const last = messages.at(-1);
  const [, name, json] = /^call (\w+) (.*)$/s.exec(last?.role === "user" ? questionOf(last.text) : "") ?? [];
  return name === undefined || json === undefined ? undefined : { id: "call-1", name, arguments: json };
}

connection.onRequest(chatRequest, async ({ messages, progressToken = "", sessionId, thinking }, token) => {
  const thinks = thinking !== false && messages.at(-1)?.text.startsWith("think ");
  const thought = thinks ? await think(progressToken, token) : undefined;
  const call = callOf(messages);
  if (call) await connection.sendProgress(generationProgress, progressToken, { kind: "toolCall", call });
  let text = "";
  for await (const piece of call ? [] : answerTo(messages, token)) {
    text += piece;
    const progress = { kind: "text" as const, text: piece, tokens: [1], tokensPerSecond: 50 };
    await connection.sendProgress(generationProgress, progressToken, progress);
  }
  const result: GenerationResult = {
    ...generated,
    text,
    finishReason: token.isCancellationRequested ? "cancelled" : "stop",
    ...(sessionId !== undefined && { sessionId }),
    ...(thought && { thought }),
  };
  return result;
});
connection.onRequest(completeRequest, async ({ prefix, files = [], progressToken = "", prepareOnly }) => {
  const lines = prefix.split("\n");
  const line = lines.at(-1) ?? "";
  const told = lines.flatMap((each) => [...(/^# (.+) -> (.+)$/gm.exec(each)?.slice(1, 3) ?? [])]);
  const matches = (key: string) => (key === "(blank)" ? line.trim() === "" : line.trimEnd().endsWith(key));
  const index = told.findIndex((key, i) => i % 2 === 0 && matches(key));
  const names = files.map(({ name }) => name).join(" ") || "none";
  const text = prepareOnly || index === -1 ? "" : `${told[index + 1]?.replace("{files}", names)}\n`;
  const progress = { kind: "text" as const, text, tokens: [1], tokensPerSecond: 50 };
  if (text !== "") await connection.sendProgress(generationProgress, progressToken, progress);
  return { ...generated, text, finishReason: "stop" as const };
});
connection.listen();
