/** A draft model guesses where the prompt has nothing to offer: the same tokens, within the same cap. */
import { beforeAll, describe, expect, test } from "vitest";
import { starterModel } from "../../scripts/starter-model.mjs";
import { flint, planModel, report, runModel, runReport, start } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { slowDisk } from "../support/slowDisk.js";

const context = ["--context", "256"];
const prompt = ["--prompt", "The capital of France is", "--tokens", "6", "--ignore-eos"];

const onSlowDisk = (...args: string[]) => start(args, { env: slowDisk }).ended;

let model: string;
beforeAll(async () => {
  model = await starterModel();
});

describe("a draft model", () => {
  test("changes no token, and is counted in the cap", async () => {
    const draft = ["--draft-model", await syntheticModel("draft-q8_0")];
    const { minimumCapBytes } = await planModel(model, ...context);
    const cap = ["--ram-cap", `${minimumCapBytes}`];
    const both = await planModel(model, ...context, ...draft);
    expect(both.draftBytes).toBe(0); // All of it fits: none is needed.
    expect(both.draftRefusal?.reason).toContain("nothing is streamed");

    const enough = 400 * 2 ** 20;
    const slow = await onSlowDisk("run", model, ...prompt, ...context, ...draft, "--ram-cap", `${enough}`, "--json");
    const drafted = report(runReport, slow);
    expect(drafted.plan?.draftBytes).toBeGreaterThan(20_000_000);
    expect(drafted.plan).not.toHaveProperty("draftRefusal");
    expect(drafted.plan?.weights.streamedBytes).toBeGreaterThan(0);
    expect(drafted.memory.peakBytes).toBeLessThan(enough);
    const plain = await runModel(model, ...prompt, ...context, ...cap);
    expect(drafted.tokens).toEqual(plain.tokens);

    const without = await flint("run", model, ...prompt, ...context, ...draft, ...cap);
    expect(without).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/not loaded: both models need at least/),
    });
  });

  test("with another vocabulary is refused in words", async () => {
    const other = ["--draft-model", await syntheticModel("arcee-f16")];
    const small = await onSlowDisk("run", model, ...prompt, ...context, ...other, "--ram-cap", "400MiB");
    expect(small).toMatchObject({ status: 2, stderr: expect.stringContaining("does not have the same vocabulary") });
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
