/** What is promised of bits, with each CPU library of ggml that this processor can run: also those of older ones. */
import { describe, expect, test } from "vitest";
import { cpuLibraries } from "../support/cpuLibraries.js";
import { inCheckout } from "../support/flint.js";
import { NativeRun } from "../support/nativeRun.js";

/** One type of each family of kernels that many models have. The best library computes all of them. */
const some = ["f16", "q4_0", "q8_0", "q4_K", "iq2_xs", "iq4_nl", "2 of 4"];

const program = inCheckout("build/native/native-tests/flint-processor-tests");
const [best, ...others] = await cpuLibraries();
const libraries = [{ ...best, parts: [] }, ...others.map((library) => ({ ...library, parts: some }))];

for (const { name, folder, parts } of libraries) {
  // Which cases there are is up to the library.
  const run = new NativeRun(program, parts, { FLINT_CPU_LIBRARIES_FOLDER: folder });
  const end = await run.end;
  describe(`${name}`, () => {
    for (const [title, outcome] of run.outcomes) {
      test(title, () => {
        expect(outcome).toBeUndefined();
      });
    }

    test("and the process ends by itself, with what came of them", () => {
      expect(run.outcomes.size).toBeGreaterThan(0);
      expect(end, run.complaints).toBe(run.expectedEnd);
    });
  });
}
