import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { PassScheduler, withPassScheduling } from "./passScheduling.js";

/** Work that ends when it is told to. */
function held(scheduler: PassScheduler) {
  let end: () => void = () => undefined;
  const work = scheduler.interject(
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  return { work, end: () => end() };
}

const never = new AbortController().signal;
const passing = (beforePass: () => Promise<void>) => ({ beforePass, signal: never, abandon: () => undefined });

async function* letters() {
  for (const letter of "abc") yield letter;
}

test("tokens wait for what goes first, and come one by one after it", async () => {
  const scheduler = new PassScheduler();
  const seen: string[] = [];
  const first = held(scheduler);
  const answer = (async () => {
    for await (const letter of withPassScheduling(
      letters(),
      passing(() => scheduler.pass(never)),
    ))
      seen.push(letter);
  })();
  await setImmediate();
  expect(seen).toEqual([]);
  first.end();
  await first.work;
  await answer;
  expect(seen).toEqual(["a", "b", "c"]);
  expect(scheduler.waitedMs).toBeGreaterThan(0);
});

test("between two things that go first there is a pass", async () => {
  const scheduler = new PassScheduler();
  const first = held(scheduler);
  const pass = scheduler.pass(never);
  first.end();
  await first.work;
  const second = held(scheduler);
  await pass;
  second.end();
  await second.work;
});

test("who is cancelled does not wait, and work that fails holds nobody up", async () => {
  const scheduler = new PassScheduler();
  const first = held(scheduler);
  const cancelled = new AbortController();
  const pass = scheduler.pass(cancelled.signal);
  cancelled.abort();
  await pass;
  first.end();
  await first.work;
  await expect(scheduler.interject(() => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  await scheduler.pass(never);
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
  for await (const _ of withPassScheduling(
    steps(),
    passing(() => Promise.resolve()),
  ))
    break;
  expect(ended).toBe(true);
});
