import { expect, test } from "vitest";
import { EngineStopped, GpuStopped, UnusableModel } from "./errors.js";
import { RestartPolicy } from "./restartPolicy.js";

const minute = 60_000;
const settings = { modelPath: "/models/a.gguf", ramCapBytes: 1e9 };
const stop = (policy: RestartPolicy) => policy.crashed(new EngineStopped("signal 11"));

test("gives up at the third crash in a short while", () => {
  const policy = new RestartPolicy(() => 0);
  expect([stop(policy), stop(policy), stop(policy)]).toEqual([true, true, false]);
});

test("crashes far apart never give up", () => {
  let now = 0;
  const policy = new RestartPolicy(() => now);
  for (let crash = 0; crash < 10; crash++) {
    expect(stop(policy)).toBe(true);
    now += 3 * minute;
  }
});

test("a restart by hand starts the count anew", () => {
  const policy = new RestartPolicy(() => 0);
  stop(policy);
  stop(policy);
  policy.reset();
  expect(stop(policy)).toBe(true);
});

test("never starts again with a model that the engine died of, until the settings change or a restart by hand", () => {
  const policy = new RestartPolicy(() => 0);
  const error = new UnusableModel("signal 6", "/models/a.gguf is not a usable model.");
  expect(policy.permit(settings)).toBe(settings);
  expect(policy.crashed(error)).toBe(false);
  expect(() => policy.permit({ ...settings })).toThrow(error);
  const other = { ...settings, modelPath: "/models/b.gguf" };
  expect(policy.permit(other)).toBe(other);
  // It is no sign that the engine itself fails.
  expect([stop(policy), stop(policy), stop(policy)]).toEqual([true, true, false]);
  policy.reset();
  expect(policy.permit(settings)).toBe(settings);
});

test("after a crash on the GPU there is none, until a restart by hand", () => {
  const policy = new RestartPolicy(() => 0);
  expect(policy.allowsGpu).toBe(true);
  expect(stop(policy)).toBe(true);
  expect(policy.allowsGpu).toBe(true);
  expect(policy.crashed(new GpuStopped("signal 6"))).toBe(true);
  expect(policy.allowsGpu).toBe(false);
  policy.reset();
  expect(policy.allowsGpu).toBe(true);
});
