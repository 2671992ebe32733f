import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Plan } from "../../protocol/messages.js";
import type { Backend } from "../backends/backend.js";
import type { OtherModel } from "../engine/currentSettings.js";
import { plan as usualPlan } from "../fixtures.js";
import { type LocalModels, OfferedModels } from "./offered.js";

let folder: string;
let model: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-offered-"));
  model = path.join(folder, "model.gguf");
  await writeFile(model, "GGUF");
});
afterEach(() => rm(folder, { recursive: true }));

interface Machine {
  maximumContext?: number;
  contextTokens?: number;
  /** The longest context that fits. */
  fits?: number;
}

function setUp({ maximumContext = 131_072, contextTokens, fits = Number.POSITIVE_INFINITY }: Machine = {}) {
  const plans: OtherModel[] = [];
  const stored = new Map<string, unknown>();
  const loaded: OtherModel[] = [];
  const local: LocalModels = {
    folder: () => ({ list: async () => [] }) as unknown as ReturnType<LocalModels["folder"]>,
    chosen: () => model,
    ramCapBytes: () => 4e9,
    contextTokens: () => contextTokens,
    plan: async (asked): Promise<Plan> => {
      plans.push(asked);
      const tokens = asked.contextTokens ?? contextTokens ?? 4096;
      return { ...usualPlan, contextTokens: tokens, maximumContext, fits: tokens <= fits };
    },
    inspect: async () => ({ name: "Model" }),
    backendOf: (asked) => {
      loaded.push(asked);
      return {} as Backend;
    },
    version: "1 en",
    memento: {
      get: <T>(key: string, otherwise?: T) => (stored.get(key) ?? otherwise) as T,
      update: async (key: string, value: unknown) => void stored.set(key, value),
    } as LocalModels["memento"],
    log: () => undefined,
  };
  return { list: () => new OfferedModels(local).list(), plans, loaded, local };
}

test("a model is offered with a context that an agent can work in", async () => {
  const { list, loaded } = setUp();
  expect(await list()).toMatchObject([{ id: "model", name: "Model", contextTokens: 32_768 }]);
  expect((await list())[0]).not.toHaveProperty("toolsRefusal");
  expect(loaded[0]).toEqual({ modelPath: model, contextTokens: 32_768 });
});

test.each<[string, Machine, number]>([
  ["it was trained for less", { maximumContext: 8192 }, 8192],
  ["a person has set another one", { contextTokens: 2048 }, 2048],
  ["a longer one does not fit", { fits: 4096 }, 4096],
])("where %s, it is not for agents, and says why", async (_, machine, contextTokens) => {
  const [offered] = await setUp(machine).list();
  expect(offered).toMatchObject({ contextTokens, toolsRefusal: expect.stringContaining("flint.contextSize") });
});

test("what does not fit is not offered", async () => expect(await setUp({ fits: 0 }).list()).toEqual([]));

test("what was found stays known over restarts, until the file or the cap changes", async () => {
  const { list, plans, local } = setUp();
  const first = await list();
  expect(plans).toHaveLength(2);
  expect(await list()).toEqual(first);
  expect(plans).toHaveLength(2);
  local.ramCapBytes = () => 8e9;
  await list();
  expect(plans).toHaveLength(4);
  await writeFile(model, "GGUF and more");
  await list();
  expect(plans).toHaveLength(6);
});
