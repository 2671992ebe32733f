/** A draft model guesses where the prompt has nothing to offer: the same tokens, within the same cap. */
import { beforeAll, describe, expect, test } from "vitest";
import { starterModel } from "../../scripts/starter-model.mjs";
import { flint, planModel, runModel } from "./support/flint.js";
import { syntheticModel } from "./support/models.js";

const context = ["--context", "256"];
const prompt = ["--prompt", "The capital of France is", "--tokens", "6", "--ignore-eos"];

let model: string;
beforeAll(async () => {
  model = await starterModel();
});

describe("a draft model", () => {
  test("changes no token, and is counted in the cap", async () => {
    const draft = ["--draft-model", await syntheticModel("draft-q8_0")];
    const { minimumCapBytes } = await planModel(model, ...context);
    const cap = ["--ram-cap", `${minimumCapBytes}`];
    const refused = await flint("run", model, ...prompt, ...context, ...draft, ...cap);
    expect(refused).toMatchObject({ status: 3, stderr: expect.stringContaining("beside its draft model") });
    const both = await planModel(model, ...context, ...draft);
    expect(both.draftBytes).toBe(0); // All of it fits: none is needed.

    const enough = 400 * 2 ** 20;
    const drafted = await runModel(model, ...prompt, ...context, ...draft, "--ram-cap", `${enough}`);
    expect(drafted.plan?.draftBytes).toBeGreaterThan(20_000_000);
    expect(drafted.plan?.weights.streamedBytes).toBeGreaterThan(0);
    expect(drafted.memory.peakBytes).toBeLessThan(enough);
    const plain = await runModel(model, ...prompt, ...context, ...cap);
    expect(drafted.tokens).toEqual(plain.tokens);
  });

  test("with another vocabulary is refused in words", async () => {
    const other = ["--draft-model", await syntheticModel("arcee-f16")];
    const small = await flint("run", model, ...prompt, ...context, ...other, "--ram-cap", "400MiB");
    expect(small).toMatchObject({ status: 2, stderr: expect.stringContaining("another vocabulary") });
  });

  test("that is not there is named", async () => {
    const { status, stderr } = await flint(
      "run",
      model,
      ...prompt,
      ...context,
      "--draft-model",
      "nowhere.gguf",
      "--ram-cap",
      "280MiB",
    );
    expect(status).toBe(4);
    expect(stderr).toContain("nowhere.gguf");
  });
});
