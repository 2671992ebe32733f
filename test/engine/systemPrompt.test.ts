/** The chat's system prompt as models read it. */
import { expect, test } from "vitest";
import { systemPrompt } from "../../extension/chat/prompt/systemPrompt.js";
import { countPromptTokensRequest, countTokensRequest } from "../../protocol/messages.js";
import { starterModel } from "../../scripts/starter-model.mjs";
import { load, sidecar } from "../support/sidecar.js";

test("the system prompt has at most 300 tokens", async () => {
  const started = await sidecar();
  // A vocabulary for prose: one for code makes fewer tokens of it.
  await load(started, await starterModel());
  const { tokens } = await started.connection.sendRequest(countTokensRequest, { text: systemPrompt });
  expect(tokens).toBeGreaterThan(50);
  expect(tokens).toBeLessThanOrEqual(300);
  const messages = [
    { role: "system" as const, text: systemPrompt },
    { role: "user" as const, text: "Hello" },
  ];
  const prompt = await started.connection.sendRequest(countPromptTokensRequest, { messages });
  expect(prompt.tokens).toBeGreaterThan(tokens);
});
