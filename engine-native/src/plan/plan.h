#pragma once

#include <cstdint>
#include <vector>

#include "plan/model.h"

namespace flash {

/** What serves a tensor. Pinned, expert-cached and neuron-cached weights join here as their parts are built. */
enum class Placement : uint8_t {
    Resident,  // llama.cpp keeps it in memory, with its own kernels
    Streamed,  // we read it from flash whenever it is used
};

/** What the process takes beside the model, measured: see docs/memory.md. */
constexpr uint64_t kProcessBytes = 240ULL << 20;

struct Plan {
    bool fits = false;
    uint64_t minimum_cap_bytes = 0;
    uint32_t maximum_context = 0;  // tokens
    uint32_t context = 0;          // tokens
    uint32_t micro_batch = 0;      // tokens of the prompt in one pass over the weights
    uint64_t resident_bytes = 0;
    uint64_t streamed_bytes = 0;
    uint64_t kv_bytes = 0;
    uint64_t compute_bytes = 0;
    uint64_t staging_bytes = 0;        // the fixed buffer for reads; 0 when nothing is streamed
    std::vector<Placement> placement;  // by index into Model::tensors
};

/**
 * Decides for each tensor what serves it, so that everything together stays below the cap. A pure function.
 * @param ram_cap bytes for the whole process
 * @param context tokens; 0 for the largest up to 4096 that the model was trained for and that fits
 */
Plan make_plan(const Model& model, uint64_t ram_cap, uint32_t context);

/** Whether our backend can serve this tensor from flash: a matrix of a dense feed-forward block. */
bool can_stream(const TensorInfo& tensor);

}  // namespace flash
