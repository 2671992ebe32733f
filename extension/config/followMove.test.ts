import { expect, test } from "vitest";
import { followMove } from "./followMove.js";
import type { ModelSetting } from "./schema.js";

const moved = (path: string) => (path.includes("stays") ? path : path.replace(/^\/old\//, "/new/"));

async function after(before: Partial<Record<ModelSetting, string[]>>) {
  const settings = { ...before };
  const updated: ModelSetting[] = [];
  await followMove(moved, {
    read: (name) => settings[name] ?? [],
    update: async (name, paths) => {
      settings[name] = paths;
      updated.push(name);
    },
  });
  return { settings, updated };
}

test("all settings that name a moved model follow it", async () => {
  const { settings } = await after({
    model: ["/old/a.gguf"],
    inlineModel: ["/old/b.gguf"],
    draftModel: ["/old/c.gguf"],
    predictedModels: ["/other/d.gguf", "/old/a.gguf"],
  });
  expect(settings).toEqual({
    model: ["/new/a.gguf"],
    inlineModel: ["/new/b.gguf"],
    draftModel: ["/new/c.gguf"],
    predictedModels: ["/other/d.gguf", "/new/a.gguf"],
  });
  const same = await after({ model: ["/old/a.gguf"], inlineModel: ["/old/a.gguf"] });
  expect(same.settings).toEqual({ model: ["/new/a.gguf"], inlineModel: ["/new/a.gguf"] });
});

test("what is not set, elsewhere or left behind stays as it is", async () => {
  expect((await after({ inlineModel: ["/old/b.gguf"] })).settings).toEqual({ inlineModel: ["/new/b.gguf"] });
  expect((await after({ model: ["/other/a.gguf"], draftModel: ["/old/stays.gguf"] })).updated).toEqual([]);
});
