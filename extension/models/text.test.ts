import { expect, test } from "vitest";
import type { Plan } from "../../protocol/messages.js";
import {
  conversionCost,
  conversionPercent,
  conversionText,
  fitText,
  progressText,
  roomText,
  stateText,
  timeLeft,
  useOf,
} from "./text.js";

test("progress has a share, sizes, a rate and the time left", () => {
  const progress = { phase: "download", doneBytes: 2 ** 30, totalBytes: 4 * 2 ** 30 } as const;
  expect(progressText(progress, 32e6)).toBe("25%, 1.0 GiB of 4.0 GiB, 32 MB/s, about 2 min left");
  expect(progressText({ phase: "download", doneBytes: 2 ** 30 }, 1.5e6)).toBe("1.0 GiB, 1.5 MB/s");
  expect(progressText({ ...progress, phase: "verify" }, undefined)).toBe("checking 25%, 1.0 GiB of 4.0 GiB");
});

test("time left is told in what is easy to grasp", () => {
  expect([0.2, 45, 600, 7200].map(timeLeft)).toEqual([
    "about 1 s left",
    "about 45 s left",
    "about 10 min left",
    "about 2 h left",
  ]);
});

test("a plan tells fit and speed, or what it would need", () => {
  const plan = { fits: true, minimumCapBytes: 3 * 2 ** 30, estimatedTokensPerSecond: 5.24 } as Plan;
  expect(fitText(plan, 4 * 2 ** 30)).toBe("fits in 4.0 GiB, about 5.2 tokens/s");
  expect(fitText({ ...plan, fits: false }, 2 ** 30)).toBe("needs 3.0 GiB, the cap is 1.0 GiB");
});

test("a state is told in words, with how far it is", () => {
  const progress = { phase: "download", doneBytes: 43 * 2 ** 20, totalBytes: 100 * 2 ** 20 } as const;
  const share = "43%";
  expect(stateText({ state: "downloading", share })).toBe("downloading");
  expect(stateText({ state: "downloading", share, progress })).toBe("downloading 43%, 43 MiB of 100 MiB");
  const checked = { ...progress, phase: "verify" } as const;
  expect(stateText({ state: "downloading", share, progress: checked })).toBe("checking 43%, 43 MiB of 100 MiB");
  expect(stateText({ state: "elsewhere", share })).toBe("downloading 43% in another window");
  expect(stateText({ state: "stopped", share, paused: true })).toBe("paused at 43%");
  expect(stateText({ state: "stopped", share })).toBe("stopped at 43%");
  expect(stateText({ state: "ready", share })).toBe("ready");
  expect(stateText({ state: "ready", share, inUse: "in use" })).toBe("in use");
  expect(stateText({ state: "ready", share, conversionPaused: true })).toBe("ready, conversion stopped");
  expect(stateText({ state: "converting", share })).toBe("converting");
  expect(stateText({ state: "converted", share })).toBe("converted");
  expect(stateText({ state: "converted", share, inUse: "in use for chat" })).toBe("in use for chat, converted");
  expect(stateText({ state: "damaged", share })).toBe("damaged");
});

test("a conversion tells its price, and how far it is, never less than before", () => {
  expect(conversionCost({ modelBytes: 25e6, storeBytes: 20e6, memoryBytes: 2 ** 30 })).toBe(
    "45 MB more disk space, and up to 1.0 GiB of memory while it runs; the model in use is unloaded meanwhile",
  );
  expect(conversionText(undefined)).toBe("converting");
  expect(conversionText({ stage: "layers", done: 1, total: 2 })).toBe("converting 62%, fitting and writing layers");
  const room = { bytes: 2e9, needed: 3e9, folder: "/models" };
  expect(roomText({ ...room, free: 4e9 })).toBe("2.0 GB to /models (4.0 GB free)");
  expect(roomText({ ...room, free: 2.5e9 })).toBe("not enough disk space: needs 3.0 GB, 2.5 GB are free in /models");
  expect(roomText({ ...room, bytes: undefined, free: undefined })).toBe("unknown size to /models");
  const way = (["quantize", "calibrate", "layers", "write", "verify"] as const).flatMap((stage) =>
    [0, 1, 2].map((done) => conversionPercent({ stage, done, total: 2 })),
  );
  expect(way).toEqual([...way].sort((one, other) => one - other));
  expect(way.at(-1)).toBe(100);
});

test("a model is told by what it does", () => {
  const one = { chat: "a", inline: undefined, inlineRefused: false };
  expect(["a", "b"].map((path) => useOf(path, one))).toEqual(["in use", undefined]);
  const two = { ...one, inline: "b" };
  expect(["a", "b"].map((path) => useOf(path, two))).toEqual(["in use for chat", "in use for suggestions"]);
  const refused = { ...two, inlineRefused: true };
  expect(["a", "b"].map((path) => useOf(path, refused))).toEqual(["in use", "chosen for suggestions, not loaded"]);
});
