import { expect, test } from "vitest";
import { gpuArguments, parseGpuArguments } from "./gpu.js";

test("a sidecar reads the arguments that it is started with", () => {
  const libraries = { kind: "vulkan", folder: "/a folder/gpu" } as const;
  expect(parseGpuArguments(gpuArguments(libraries))).toEqual(libraries);
  expect(parseGpuArguments([])).toBeUndefined();
});

test.each([["--gpu"], ["--gpu", "metal", "/gpu"], ["--gpu", "cuda"], ["--cpu", "cuda", "/gpu"]])(
  "refuses %s %s %s",
  (...args) => {
    expect(() => parseGpuArguments(args)).toThrow("does not take");
  },
);
