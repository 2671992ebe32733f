import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { Turns, withTurns } from "./turns.js";

/** Work that ends when it is told to. */
function held(turns: Turns) {
  let end: () => void = () => undefined;
  const work = turns.interject(
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  return { work, end: () => end() };
}

const never = new AbortController().signal;
const passing = (beforePass: () => Promise<void>) => ({ beforePass, signal: never, leaveBehind: () => undefined });

async function* letters() {
  for (const letter of "abc") yield letter;
}

test("tokens wait for what goes first, and come one by one after it", async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const first = held(turns);
  const answer = (async () => {
    for await (const letter of withTurns(
      letters(),
      passing(() => turns.pass(never)),
    ))
      seen.push(letter);
  })();
  await setImmediate();
  expect(seen).toEqual([]);
  first.end();
  await first.work;
  await answer;
  expect(seen).toEqual(["a", "b", "c"]);
  expect(turns.waitedMs).toBeGreaterThan(0);
});

test("between two things that go first there is a pass", async () => {
  const turns = new Turns();
  const first = held(turns);
  const pass = turns.pass(never);
  first.end();
  await first.work;
  const second = held(turns);
  await pass;
  second.end();
  await second.work;
});

test("who is cancelled does not wait, and work that fails holds nobody up", async () => {
  const turns = new Turns();
  const first = held(turns);
  const cancelled = new AbortController();
  const pass = turns.pass(cancelled.signal);
  cancelled.abort();
  await pass;
  first.end();
  await first.work;
  await expect(turns.interject(() => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  await turns.pass(never);
});

test("an answer that is left early ends what yields it", async () => {
  let ended = false;
  async function* steps() {
    try {
      yield* letters();
    } finally {
      ended = true;
    }
  }
  for await (const _ of withTurns(
    steps(),
    passing(() => Promise.resolve()),
  ))
    break;
  expect(ended).toBe(true);
});
