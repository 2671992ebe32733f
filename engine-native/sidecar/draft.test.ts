import { expect, test } from "vitest";
import type { Plan } from "../../protocol/messages.js";
import { planWithDraft } from "./draft.js";
import type { FlashPlan, FlashRequest, Planner } from "./flash.js";

const GB = 1e9;
const draftModelPath = "/models/draft.gguf";

interface Machine {
  /** Of weights. */
  modelBytes: number;
  draftBytes: number;
  diskBytesPerSecond: number;
}

/** Plans that keep of the weights in memory what the cap has room for. */
function planner({ modelBytes, draftBytes, diskBytesPerSecond }: Machine): Planner {
  const least = 0.3 * GB;
  const plan = ({ modelPath, ramCapBytes }: FlashRequest): FlashPlan => {
    const total = modelPath === draftModelPath ? draftBytes : modelBytes;
    const residentBytes = Math.min(total, Math.max(0, ramCapBytes - least));
    const streamedBytes = total - residentBytes;
    const nothing = { pinnedBytes: 0, rowReadBytes: 0, expertCacheBytes: 0, neuronCacheBytes: 0 };
    const planned: Plan = {
      ...{ fits: ramCapBytes >= least, minimumCapBytes: least, maximumContext: 4096, contextTokens: 1024 },
      weights: { residentBytes, streamedBytes, ...nothing },
      ...{ kvBytes: 0, computeBytes: 0, stagingBytes: 0, processBytes: 0, draftBytes: 0, inlineBytes: 0 },
    };
    return { plan: planned, microBatchTokens: 64, vocabularyBytes: 0, wholeCapBytes: least + total };
  };
  const measuredPlan = (request: FlashRequest): FlashPlan => {
    const { plan: unmeasured, ...rest } = plan(request);
    const usedBytesPerToken = request.modelPath === draftModelPath ? draftBytes : modelBytes;
    const readBytesPerToken = unmeasured.weights.streamedBytes;
    const speeds = { diskBytesPerSecond, computeBytesPerSecond: 10 * GB, checkBytesPerSecond: 30 * GB };
    const measured = { ...speeds, usedBytesPerToken, readBytesPerToken };
    const seconds = Math.max(readBytesPerToken / diskBytesPerSecond, usedBytesPerToken / (10 * GB));
    return { ...rest, plan: { ...unmeasured, measured, estimatedTokensPerSecond: 1 / seconds } };
  };
  return { plan, measuredPlan };
}

const planned = (machine: Machine, ramCapBytes: number) =>
  planWithDraft(planner(machine), { modelPath: "/models/model.gguf", draftModelPath, threads: 2, ramCapBytes });

test("a small draft model pays where the model is far larger than the cap", () => {
  const { plan, ramCapBytes } = planned(
    { modelBytes: 20 * GB, draftBytes: 0.3 * GB, diskBytesPerSecond: 2 * GB },
    4 * GB,
  );
  expect(plan).toMatchObject({ fits: true, draftBytes: 0.3 * GB, minimumCapBytes: 0.6 * GB });
  expect(plan).not.toHaveProperty("draftRefusal");
  expect(ramCapBytes).toBe(3.7 * GB);
  // Read at 2 GB/s, 16.6 GB take 8.3 s: several tokens come from each pass.
  expect(plan.estimatedTokensPerSecond).toBeGreaterThan(2 / 8.3);
});

test("a draft model that takes the memory of weights is left out, with both speeds", () => {
  const { plan, ramCapBytes } = planned(
    { modelBytes: 1 * GB, draftBytes: 0.5 * GB, diskBytesPerSecond: 2 * GB },
    1.2 * GB,
  );
  expect(plan).toMatchObject({ fits: true, draftBytes: 0, estimatedTokensPerSecond: 10 });
  expect(plan.draftRefusal?.reason).toMatch(
    /^The draft model draft\.gguf is not loaded: about \d+\.\d tokens\/s are expected with it and 10\.0 without, as it takes 477 MiB of the cap\.$/,
  );
  expect(ramCapBytes).toBe(1.2 * GB);
});

test.each([
  ["nothing is streamed", 2 * GB, /nothing is streamed/],
  ["there is no room for both", 0.7 * GB, /both models need at least 763 MiB .*; the cap is 668 MiB\.$/],
])("a draft model is left out where %s", (_, ramCapBytes, why) => {
  const { plan } = planned({ modelBytes: 1 * GB, draftBytes: 0.5 * GB, diskBytesPerSecond: 2 * GB }, ramCapBytes);
  expect(plan).toMatchObject({ fits: true, draftBytes: 0 });
  expect(plan.draftRefusal?.reason).toMatch(why);
});

test("where the model alone has no room, that is what is said", () => {
  const { plan } = planned({ modelBytes: 1 * GB, draftBytes: 0.1 * GB, diskBytesPerSecond: 2 * GB }, 0.2 * GB);
  expect(plan).toMatchObject({ fits: false, draftBytes: 0 });
  expect(plan).not.toHaveProperty("draftRefusal");
});
