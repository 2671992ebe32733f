import { expect, test } from "vitest";
import { withResolvers } from "../extension/fixtures.js";
import { Turns } from "./turns.js";

const never = new AbortController().signal;

/** Work that says when it begins, and ends when it is told to. */
function setUp() {
  const queue = new Turns();
  const log: string[] = [];
  const add = (name: string, signal = never) => {
    const { promise, resolve, reject } = withResolvers<string>();
    const work = () => {
      log.push(name);
      return promise;
    };
    if (queue.isBusy) log.push(`${name} waits`);
    const result = queue.run(work, signal);
    return { result, end: () => resolve(name), fail: () => reject(new Error(name)) };
  };
  return { queue, log, add };
}

test("work runs one at a time, in order, also after a failure", async () => {
  const { queue, log, add } = setUp();
  const [first, second, third] = [add("first"), add("second"), add("third")];
  expect(log).toEqual(["first", "second waits", "third waits"]);
  first.fail();
  await expect(first.result).rejects.toThrow("first");
  second.end();
  expect(await second.result).toBe("second");
  third.end();
  expect(await third.result).toBe("third");
  expect(log.slice(3)).toEqual(["second", "third"]);
  expect(queue.isBusy).toBe(false);
});

test("who gives up waiting is gone at once, and the next one's turn comes all the same", async () => {
  const { log, add } = setUp();
  const stop = new AbortController();
  const [first, second, third] = [add("first"), add("second", stop.signal), add("third")];
  stop.abort("enough");
  await expect(second.result).rejects.toBe("enough");
  await expect(add("fourth", stop.signal).result).rejects.toBe("enough");
  first.end();
  third.end();
  expect(await third.result).toBe("third");
  expect(log.filter((line) => !line.endsWith("waits"))).toEqual(["first", "third"]);
});

test("who comes while the turn changes hands does not get ahead", async () => {
  const { log, add } = setUp();
  const [first, second] = [add("first"), add("second")];
  first.end();
  await first.result;
  const third = add("third");
  second.end();
  third.end();
  await third.result;
  expect(log.filter((line) => !line.endsWith("waits"))).toEqual(["first", "second", "third"]);
  expect(log).toContain("third waits");
});

test("work that has begun keeps its turn to its end, also when it is aborted", async () => {
  const { queue, log, add } = setUp();
  const stop = new AbortController();
  const [first, second] = [add("first", stop.signal), add("second")];
  stop.abort("enough");
  // Whatever would have ended its turn has happened when another wait is over.
  await expect(add("third", stop.signal).result).rejects.toBe("enough");
  await new Promise((resolve) => setImmediate(resolve));
  expect(log).toEqual(["first", "second waits", "third waits"]);
  first.end();
  expect(await first.result).toBe("first");
  second.end();
  await second.result;
  expect(queue.isBusy).toBe(false);
});
