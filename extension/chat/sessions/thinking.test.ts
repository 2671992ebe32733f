import { expect, test } from "vitest";
import type { CancellationToken } from "vscode-jsonrpc";
import type { ChatMessage } from "../../../protocol/messages.js";
import { generationResult } from "../../fixtures.js";
import { parseConversation, serialize } from "./conversation.js";
import { endless, setUp, withoutSystemPrompt } from "./sessionFixture.js";

test("what is thought is streamed and stored, and the model is not given it again", async () => {
  const prompts: ChatMessage[][] = [];
  const { session, written } = setUp(async ({ messages }, { onText, onThought }) => {
    prompts.push(withoutSystemPrompt(messages));
    onThought?.({ text: "Hm, ", tokens: 2, durationMs: 100 });
    onThought?.({ text: "yes.", tokens: 4, durationMs: 300 });
    onText("Yes.");
    // The last of it was not reported.
    return { ...generationResult("Yes."), thought: { text: "Hm, yes. So.", tokens: 6, durationMs: 400 } };
  });
  const streamed: unknown[] = [];
  session.onDidThink(({ id: _, ...more }) => streamed.push(more));
  await session.ask("Why?");
  expect(streamed).toEqual([
    { text: "Hm, ", tokens: 2, durationMs: 100 },
    { text: "yes.", tokens: 4, durationMs: 300 },
  ]);
  const thought = { text: "Hm, yes. So.", tokens: 6, durationMs: 400 };
  expect(session.messages.at(-1)).toMatchObject({ text: "Yes.", thought });
  expect(parseConversation("first", serialize(written.at(-1) ?? expect.fail())).tree.nodes[1]?.message).toMatchObject({
    thought,
  });
  await session.ask("And?");
  expect(prompts[1]).toEqual([
    { role: "user", text: "Why?" },
    { role: "assistant", text: "Yes." },
    { role: "user", text: "And?" },
  ]);
});

test("an answer that was stopped while it was thought about keeps that, also when it is asked again", async () => {
  const { session } = setUp((_, { onThought }, token: CancellationToken) => {
    onThought?.({ text: "Hm", tokens: 1, durationMs: 0 });
    const thought = { text: "Hm", tokens: 1, durationMs: 0 };
    return new Promise((resolve) =>
      token.onCancellationRequested(() => resolve({ ...generationResult("", "cancelled"), thought })),
    );
  });
  for (const go of [() => session.ask("Why?"), () => session.askAgain()]) {
    const gone = go();
    session.stop();
    await gone;
    expect(session.messages.at(-1)).toMatchObject({ text: "", state: "stopped", thought: { text: "Hm" } });
  }
  expect(session.versions(session.messages[1]?.id ?? "").ids).toHaveLength(2);
});

test("a thought is ended only while an answer is under way, and models are told whether to think", async () => {
  const ended: string[] = [];
  const thinking: (boolean | undefined)[] = [];
  const { session } = setUp(
    (request, ...more) => {
      thinking.push(request.thinking);
      return endless(request, ...more);
    },
    { thinking: false, answerNow: async (sessionId) => void ended.push(sessionId) },
  );
  await session.answerNow();
  expect(ended).toEqual([]);
  const asked = session.ask("Why?");
  await session.answerNow();
  session.stop();
  await asked;
  expect(ended).toEqual(["first"]);
  expect(thinking).toEqual([false]);
});
