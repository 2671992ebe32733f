import { expect, test } from "vitest";
import { busyMachine } from "./busyMachine.js";

test("other programs are named when they explain a slow answer", () => {
  expect(busyMachine(0.874)).toBe("other programs use 87% of the processor");
  expect(busyMachine(0.1)).toBeUndefined();
  expect(busyMachine(undefined)).toBeUndefined();
});
