import { expect, test } from "vitest";
import { CurrentSettings } from "./currentSettings.js";
import type { EngineSettings } from "./state.js";

function setUp(more: Partial<EngineSettings> = {}) {
  const own = { modelPath: "/models/own.gguf", ...more };
  return new CurrentSettings((modelPath = own.modelPath) => ({ ramCapBytes: 1, ...own, modelPath }));
}

test("a context that is asked for stays while the same model is asked for without one", () => {
  const settings = setUp();
  const long = { modelPath: "/models/own.gguf", contextTokens: 32_768 };
  expect(settings.choose(long)).toBe(true);
  expect(settings.require()).toMatchObject(long);
  expect(settings.choose(undefined)).toBe(false);
  expect(settings.choose({ modelPath: long.modelPath })).toBe(false);
  expect(settings.require()).toMatchObject(long);
});

test("another model has its own, and so has that of the settings after it", () => {
  const settings = setUp();
  settings.choose({ modelPath: "/models/other.gguf", contextTokens: 32_768 });
  expect(settings.require()).toMatchObject({ modelPath: "/models/other.gguf", contextTokens: 32_768 });
  expect(settings.choose(undefined)).toBe(true);
  expect(settings.require()).toEqual({ ramCapBytes: 1, modelPath: "/models/own.gguf" });
});

test("a context that a person has set stands", () => {
  const settings = setUp({ contextTokens: 2048 });
  expect(settings.choose({ modelPath: "/models/own.gguf", contextTokens: 32_768 })).toBe(false);
  expect(settings.require()).toMatchObject({ contextTokens: 2048 });
});
