/** Runs the tests that are written in C++. Each prints a line; all of them are shown when one fails. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { starterModel } from "../scripts/starter-model.mjs";
import { inCheckout } from "./engine/support/flint.js";

test("native tests", async () => {
  const env = { ...process.env, FLINT_TEST_MODEL: await starterModel() };
  const { stdout } = await promisify(execFile)(inCheckout("build/native/native-tests/flint-native-tests"), {
    env,
  }).catch((error: Error & { stdout?: string }) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  expect(stdout).toMatch(/^\d+ passed, 0 failed$/m);
});
