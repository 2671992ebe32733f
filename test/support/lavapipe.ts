/** Mesa's software GPU for Vulkan, and llama.cpp's libraries for it. */
import { readdir } from "node:fs/promises";
import { exists } from "../../models/cache.mjs";
import { type GpuLibraries, gpuPackages } from "../../protocol/gpu.js";
import { inCheckout } from "./flint.js";

const libraries: GpuLibraries = { kind: "vulkan", folder: inCheckout("node_modules") };

/** What a process needs in its environment to see it: ggml leaves software devices out unless they are named. */
export const lavapipeEnvironment = { GGML_VK_VISIBLE_DEVICES: "0" };

/**
 * The libraries that can be used with it; or why there are none, in a sentence. Only where it is asked for: it takes minutes, and
 * its driver crashes at times.
 */
export async function lavapipe(): Promise<GpuLibraries | string> {
  if (process.env["FLINT_TEST_GPU"] === undefined) return "FLINT_TEST_GPU is not set";
  const [name] = gpuPackages("vulkan");
  if (!(await exists(`${libraries.folder}/${name}`))) return `there is no package ${name} for this platform`;
  // The second variable is the older name of the first.
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  const drivers = (VK_DRIVER_FILES ?? VK_ICD_FILENAMES)?.split(":") ?? (await installed());
  const isThere = drivers.some((path) => path.includes("lvp"));
  return isThere ? libraries : "Mesa's software GPU is not installed (Debian: mesa-vulkan-drivers)";
}

const installed = () => readdir("/usr/share/vulkan/icd.d").catch((): string[] => []);
