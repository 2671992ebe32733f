import fc from "fast-check";
import { expect, test } from "vitest";
import { oldestTurn, omittedMessages, type SizedMessage } from "./contextFit.js";

const room = { contextTokens: 1000, frameTokens: 20 };
const system = (tokens: number): SizedMessage => ({ role: "system", tokens });
const question = (tokens: number, keep = false): SizedMessage => ({ role: "user", tokens, ...(keep && { keep }) });
const answer = (tokens: number): SizedMessage => ({ role: "assistant", tokens });
const turns = (count: number, tokens = 100) =>
  Array.from({ length: count }, () => [question(20), answer(tokens - 20)]).flat();

test("nothing leaves a conversation that fits with its answer", () => {
  expect(omittedMessages([system(30), ...turns(6), question(20)], room)).toEqual([]);
  expect(omittedMessages([question(900)], room)).toEqual([]);
});

test("of a full context the oldest questions leave with their answers, until half of it is free", () => {
  const messages = [system(30), ...turns(8), question(20)];
  // Before the eighth question: 50 + 4 × 100 + 20 are at most half.
  expect(omittedMessages(messages, room)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("where it was cut, it stays cut for the questions that follow", () => {
  const cuts = Array.from({ length: 40 }, (_, count) => omittedMessages([...turns(count), question(20)], room).length);
  const changes = cuts.filter((cut, index) => index > 0 && cut !== cuts[index - 1]).length;
  // Eight fill the context, and four go at once.
  expect(changes).toBe(8);
  expect(cuts).toEqual([...cuts].sort((a, b) => a - b));
});

test("a question that is to be kept stays with its answer", () => {
  const messages = [question(150, true), answer(50), ...turns(7), question(20)];
  const omitted = omittedMessages(messages, room);
  expect(omitted).not.toContain(0);
  expect(omitted).not.toContain(1);
  expect(omitted.slice(0, 4)).toEqual([2, 3, 4, 5]);
});

test("what is to be kept leaves where nothing else can, the oldest first", () => {
  const messages = [question(300, true), answer(10), question(300, true), answer(10), question(300)];
  expect(omittedMessages(messages, room)).toEqual([0, 1]);
});

test("an answer that is to be continued is part of its question", () => {
  const messages = [...turns(6), question(20), answer(300)];
  const omitted = omittedMessages(messages, room);
  expect(omitted.length).toBeGreaterThan(0);
  expect(omitted).not.toContain(12);
  expect(omitted).not.toContain(13);
});

test("what is left fits, or is the last question alone", () => {
  const message = fc.record({
    role: fc.constantFrom("system" as const, "user" as const, "assistant" as const),
    tokens: fc.nat(400),
    keep: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 60 }), fc.nat(400), (before, last) => {
      const messages = [...before, question(last)];
      const omitted = omittedMessages(messages, room);
      expect(omitted.every((place) => messages[place]?.role !== "system")).toBe(true);
      const left = messages.filter((_, place) => !omitted.includes(place));
      const tokens = left.reduce((sum, each) => sum + each.tokens, room.frameTokens);
      if (tokens > 750) expect(left.filter(({ role }) => role !== "system")).toEqual([question(last)]);
    }),
  );
});

test("names the oldest question that may leave next", () => {
  const messages = [system(1), question(1, true), answer(1), question(1), answer(1), question(1)];
  expect(oldestTurn(messages, [])).toEqual([3, 4]);
  expect(oldestTurn(messages, [3, 4])).toEqual([1, 2]);
  expect(oldestTurn(messages, [1, 2, 3, 4])).toBeUndefined();
});
