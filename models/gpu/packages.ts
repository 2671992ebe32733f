/** node-llama-cpp's packages of llama.cpp for GPUs, whose digests are known: what else has such a name is not taken. */
import { type GpuKind, gpuPackages } from "../../protocol/gpu.js";

/** The sha512 of archives as npm names it, by package and version. */
export const integrities: Readonly<Record<string, string>> = {
  "@node-llama-cpp/linux-x64-vulkan@3.22.1":
    "sha512-bBxqU+JOcBu1nb5Qj2zcMci+JByT1E8EajHvYodyNfVIPkEhXh+/HMwR1/BT7xP08YK0hks+kM8fglER0P8JEg==",
  "@node-llama-cpp/linux-x64-cuda@3.22.1":
    "sha512-8rQCjyNNLZJUFit+YpjwlC4hwkKgOMIkB2wuycKBf8NU2O3ySKbiWZQ8aw9ku2nUTXjSnUIrE6KB88itduTBuA==",
  "@node-llama-cpp/linux-x64-cuda-ext@3.22.1":
    "sha512-4e5ajkiM2aR2WAdB/N/ACk4weEhHvOAIrzxZPsIX0xDFW5+6hhShuy1/vs88SK9NGdgAco9IyE28eYS0H1efpA==",
  "@node-llama-cpp/win-x64-vulkan@3.21.1":
    "sha512-HJ237Azh5m4Sz+w3A1IU/fYLaSDOocskcfn2ILTgqTuuORCB86EMnu3Yt/XsNhRHTtEiwz1Q/E0mO4PLIbZLAA==",
  "@node-llama-cpp/win-x64-cuda@3.21.1":
    "sha512-PLz70neFEMkQTlmJqG1ujUtCSgHasLPMxQ9rLkqQVmZYAXqkRj+45TIHCjdn3XqUeaoun0vrO9rRaxZ8NVq9jg==",
  "@node-llama-cpp/win-x64-cuda-ext@3.21.1":
    "sha512-L2MxLVEYPDDe4O8EDWPmX6brldc9+Vt9hNoT/anj3pSnmrjkQcmaoKhHs6oP5qhEhb5Uog0rj6lgzNGtJO3p9Q==",
};

/** Whether there are packages of this kind for this platform and version of node-llama-cpp. */
export const areKnown = (kind: GpuKind, version: string): boolean =>
  gpuPackages(kind).every((name) => `${name}@${version}` in integrities);
