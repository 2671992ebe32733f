import { expect, test } from "vitest";
import { RestartPolicy } from "./restartPolicy.js";

const minute = 60_000;

test("gives up at the third crash in a short while", () => {
  const policy = new RestartPolicy(() => 0);
  expect([policy.crashed(), policy.crashed(), policy.crashed()]).toEqual([true, true, false]);
});

test("crashes far apart never give up", () => {
  let now = 0;
  const policy = new RestartPolicy(() => now);
  for (let crash = 0; crash < 10; crash++) {
    expect(policy.crashed()).toBe(true);
    now += 3 * minute;
  }
});

test("a restart by hand starts the count anew", () => {
  const policy = new RestartPolicy(() => 0);
  policy.crashed();
  policy.crashed();
  policy.reset();
  expect(policy.crashed()).toBe(true);
});
