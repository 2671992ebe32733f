#pragma once

#include <cstdint>
#include <vector>

#include "gguf/model.h"

namespace flash {

/** A GPU's memory, beside that of the process. */
struct Gpu {
    bool present = false;            // llama.cpp's libraries for it are loaded, and a driver
    uint64_t bytes = 0;              // that a model may take of its memory
    bool unified = false;            // it is the processor's memory too, so that what is there counts against the cap
    std::vector<ggml_type> lacking;  // types of weights that it has no product for
};

/**
 * What of a model is on the GPU: the output and the last layers, where llama.cpp computes and keeps their part of the
 * KV cache. Experts are there last, and those of the last layers first. All sizes in bytes.
 */
struct GpuShare {
    uint32_t layers = 0;         // as llama.cpp counts them: the output is one
    uint32_t expert_layers = 0;  // of the last layers, so many have their experts there too
    uint32_t micro_batch = 0;    // tokens of the prompt that its buffers have room for; 0 where nothing is there
    uint64_t weight_bytes = 0;
    uint64_t kv_bytes = 0;
    uint64_t compute_bytes = 0;  // of llama.cpp's buffers

    uint64_t bytes() const { return weight_bytes + kv_bytes + compute_bytes; }
};

/**
 * The largest share that fits `bytes`, with a context of so many tokens.
 * @param micro_batches sizes to choose from, the largest first
 */
GpuShare largest_share(const Model& model, const Gpu& gpu, uint64_t bytes, uint32_t context,
                       const std::vector<uint32_t>& micro_batches);

/** For each of Model::tensors, whether it is in the share. */
std::vector<bool> tensors_on_gpu(const Model& model, const Gpu& gpu, const GpuShare& share);

/** The model without what is on the GPU. */
Model without_share(const Model& model, const Gpu& gpu, const GpuShare& share);

}  // namespace flash
