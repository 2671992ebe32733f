import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { InvalidSetting } from "../engine/errors.js";
import { parseRamCap, parseSettings, raiseCapLabel, ramCapValue, settingNames } from "./schema.js";

const GiB = 1024 ** 3;
const raw = {
  model: "/models/a.gguf",
  ramCap: "4GiB",
  contextSize: 0,
  draftModel: "",
  inlineModel: "",
  predictedModels: [],
  kvCache: "off",
};

test("reads the settings; a context of 0 leaves the choice to the engine", () => {
  expect(parseSettings(raw)).toEqual({ modelPath: resolve("/models/a.gguf"), ramCapBytes: 4 * GiB });
  expect(parseSettings({ ...raw, contextSize: 8192 })).toMatchObject({ contextTokens: 8192 });
  const draftModelPath = resolve("/project/b.gguf");
  expect(parseSettings({ ...raw, draftModel: "b.gguf" }, "/project")).toMatchObject({ draftModelPath });
});

test("one model alone, or twice the same, does both", () => {
  const [modelPath, inlineModelPath] = [resolve("/models/a.gguf"), resolve("/models/b.gguf")];
  expect(parseSettings({ ...raw, inlineModel: "/models/b.gguf" })).toMatchObject({ modelPath, inlineModelPath });
  const alone = { modelPath: inlineModelPath, ramCapBytes: 4 * GiB };
  expect(parseSettings({ ...raw, model: "", inlineModel: "/models/b.gguf" })).toEqual(alone);
  expect(parseSettings({ ...raw, inlineModel: "/models/a.gguf" })).toEqual({ modelPath, ramCapBytes: 4 * GiB });
});

test("which neurons are computed is set for each model", () => {
  const predictedModels = ["~/b.gguf", "/models/a.gguf"];
  expect(parseSettings({ ...raw, predictedModels })).toMatchObject({ sparsity: "predict" });
  expect(parseSettings({ ...raw, model: "/models/b.gguf", predictedModels })).not.toHaveProperty("sparsity");
  expect(parseSettings({ ...raw, model: "~/b.gguf", predictedModels })).toMatchObject({ sparsity: "predict" });
});

test("what is kept on disk has a size, or is off", () => {
  expect(parseSettings({ ...raw, kvCache: "2 GiB" })).toMatchObject({ kvCacheBytes: 2 * GiB });
  expect(parseSettings({ ...raw, kvCache: " Off " })).not.toHaveProperty("kvCacheBytes");
});

test("no model is not an error", () => {
  expect(parseSettings({ ...raw, model: "  " })).toBeUndefined();
});

test("paths: home and folder", () => {
  expect(parseSettings({ ...raw, model: "~/a.gguf" })?.modelPath).toBe(join(homedir(), "a.gguf"));
  expect(parseSettings({ ...raw, model: "a.gguf" }, "/project")?.modelPath).toBe(resolve("/project/a.gguf"));
});

test.each([
  [{ ...raw, ramCap: "lots" }, "flint.ramCap", /“lots” is not a size. Write it like 4GiB or 768MiB/],
  [{ ...raw, ramCap: 4 }, "flint.ramCap", /“4” is not a size/],
  [{ ...raw, ramCap: "4" }, "flint.ramCap", /too small/],
  [{ ...raw, contextSize: -1 }, "flint.contextSize", /whole number/],
  [{ ...raw, contextSize: 1.5 }, "flint.contextSize", /whole number/],
  [{ ...raw, model: 7 }, "flint.model", /path/],
  [{ ...raw, kvCache: "much" }, "flint.kvCache", /“much” is not a size on disk. Write it like 4GiB, or off/],
  [{ ...raw, kvCache: "0" }, "flint.kvCache", /“0” is not a size/],
  [{ ...raw, predictedModels: "a.gguf" }, "flint.predictedModels", /list of paths/],
  [{ ...raw, predictedModels: [7] }, "flint.predictedModels", /path/],
])("refuses %j", (settings, name, message) => {
  let thrown: unknown;
  try {
    parseSettings(settings);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(InvalidSetting);
  expect(thrown).toMatchObject({ setting: name, message: expect.stringMatching(message) });
});

test.each([
  [4 * GiB, "4GiB"],
  [2.9 * GiB, "3GiB"],
  [2.3 * GiB, "2.5GiB"],
  [700 * 1024 ** 2, "704MiB"],
  [4 * GiB - 1, "4GiB"],
])("a cap of %d bytes is written %s, never less", (bytes, text) => {
  expect(ramCapValue(bytes)).toBe(text);
  expect(parseRamCap(text)).toBeGreaterThanOrEqual(bytes);
});

test("a button says the cap as people read it", () => {
  expect(raiseCapLabel(2.3 * GiB)).toBe("Raise the cap to 2.5 GiB");
  expect(raiseCapLabel(700 * 1024 ** 2)).toBe("Raise the cap to 704 MiB");
});

test("the settings are those of package.json", () => {
  const contributed = Object.keys(manifest.contributes.configuration.properties);
  expect(settingNames.map((name) => `flint.${name}`).sort()).toEqual(contributed.sort());
});
