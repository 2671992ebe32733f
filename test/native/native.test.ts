/** Runs the tests that are written in C++: all in one process, of which each case is a test here. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, type RunnerTask, test } from "vitest";
import { starterModel } from "../../scripts/starter-model.mjs";
import { inCheckout } from "../support/flint.js";
import { NativeRun } from "../support/nativeRun.js";

const program = inCheckout("build/native/native-tests/flint-native-tests");
const names = (await promisify(execFile)(program, ["--list"])).stdout.trimEnd().split("\n");

describe("native", () => {
  let run: NativeRun | undefined;
  afterAll(() => run?.stop());

  /** Of the cases of the suite, or of those that vitest was told to run. */
  const theRun = (model: string, tasks: readonly RunnerTask[] = []) => {
    const chosen = tasks.filter(({ mode }) => mode === "run").map(({ name }) => name);
    const cases = chosen.filter((name) => names.includes(name));
    run ??= new NativeRun(program, cases.length === names.length ? [] : cases, { FLINT_TEST_MODEL: model });
    return run;
  };

  for (const name of names) {
    test(name, async ({ task }) => {
      expect(await theRun(await starterModel(), task.suite?.tasks).outcome(name)).toBeUndefined();
    });
  }

  test("and the process ends by itself, with what came of them", async ({ task }) => {
    const all = theRun(await starterModel(), task.suite?.tasks);
    const end = await all.end;
    expect(end).toBe(all.expectedEnd);
  });
});
