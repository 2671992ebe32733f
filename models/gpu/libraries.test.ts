import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { gpuPackages } from "../../protocol/gpu.js";
import { findGpuLibraries } from "./libraries.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flint-gpu-"));
  vi.stubEnv("XDG_CACHE_HOME", folder);
  vi.stubEnv("FLINT_GPU_LIBRARIES", undefined);
  await write("node_modules/node-llama-cpp/package.json", `{ "version": "3.4.5" }`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function write(name: string, text: string): Promise<void> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

const main = join(gpuPackages("vulkan")[0], "package.json");

test("libraries of this version are found in the cache, those of another are not", async () => {
  await write(join("flint/gpu/vulkan-3.4.4", main), "{}");
  expect(await findGpuLibraries(folder)).toBeUndefined();
  await write(join("flint/gpu/vulkan-3.4.5", main), "{}");
  expect(await findGpuLibraries(folder)).toEqual({ kind: "vulkan", folder: join(folder, "flint/gpu/vulkan-3.4.5") });
});

test("the environment names another folder, or none", async () => {
  await write(join("flint/gpu/vulkan-3.4.5", main), "{}");
  await write(join("own", main), "{}");
  vi.stubEnv("FLINT_GPU_LIBRARIES", join(folder, "own"));
  expect(await findGpuLibraries(folder)).toEqual({ kind: "vulkan", folder: join(folder, "own") });
  vi.stubEnv("FLINT_GPU_LIBRARIES", "");
  expect(await findGpuLibraries(folder)).toBeUndefined();
});
