#pragma once

#include <cstdint>
#include <vector>

#include "neurons/budget.h"
#include "plan/model.h"

namespace flash {

/**
 * What serves a tensor. As soon as one matrix is streamed the others are pinned rather than resident: then all of a
 * pass is computed in one place, and the threads of two do not wait for each other.
 */
enum class Placement : uint8_t {
    Resident,  // llama.cpp keeps it in memory, with its own kernels
    Pinned,    // a matrix that we keep in memory
    Streamed,  // a matrix that we read from flash for every pass over the model
    Rows,      // an embedding of which we read the rows that are asked for
    Experts,   // experts of a MoE layer, of which a pool keeps those that are used most
    Neurons,   // a part of feed-forward blocks of which we read the neurons that are active
};

/** Bytes that the process takes beside weights and context: Node, libraries, the vocabulary. */
uint64_t process_bytes(const Model& model);
/** Of these, those that are the vocabulary's. */
uint64_t vocabulary_bytes(const Model& model);

/** Rows of an embedding that are read together. */
constexpr int64_t kRowsAtOnce = 16;

/**
 * Kernels compute rows in groups, and choose by whether a matrix's rows fill them: a tile of whole groups gets the
 * same kernel, and so the same bits, as the whole matrix does.
 */
constexpr int64_t kRowGroup = 32;
/** Of the room that a thread has to lay out rows in for a prompt (stream/repack.h), in bytes. */
constexpr uint64_t kRepackBytes = 1ULL << 20;

/** Bytes of one tile of this matrix: several for each thread, at most what one read is good for. */
uint64_t tile_bytes(const TensorInfo& tensor);

struct PlanRequest {
    uint64_t ram_cap;  // bytes for the whole process
    uint32_t context;  // tokens; 0 for the largest up to 4096 that the model was trained for and that fits
    uint32_t threads;  // for arithmetic: each has scratch memory
    Sparsity sparsity = Sparsity::Exact;  // of a converted model
};

/** What lives where, and the sizes that follow. All sizes in bytes. */
struct Plan {
    bool fits = false;
    uint64_t minimum_cap = 0;          // the smallest that works with this context
    uint64_t whole_cap = 0;            // the smallest with which all weights are resident; 0 for a converted model
    uint32_t maximum_context = 0;      // tokens; the largest that works with this cap, 0 when none does
    uint32_t context = 0;              // tokens
    uint32_t micro_batch = 0;          // tokens of the prompt in one pass over the weights
    std::vector<Placement> placement;  // by index into Model::tensors
    uint64_t resident_bytes = 0;
    uint64_t pinned_bytes = 0;
    uint64_t streamed_bytes = 0;
    uint64_t row_read_bytes = 0;  // size of the embeddings that are read by row
    uint64_t kv_bytes = 0;
    uint64_t compute_bytes = 0;
    uint64_t expert_pool_bytes = 0;  // that experts are kept in; 0 where there are none, or all are resident
    uint64_t staging_bytes = 0;      // what is read ahead into, and the rows; 0 when nothing is ours
    uint64_t ring_bytes = 0;         // that tiles are read ahead into
    uint64_t expert_ring_bytes = 0;  // that parts of experts go through which the pool does not keep
    uint64_t row_bytes = 0;          // room for one row of an embedding
    uint64_t window_bytes = 0;       // for neurons that stay in memory
};

/** Decides for each tensor what serves it, so that everything together stays below the cap. A pure function. */
Plan make_plan(const Model& model, const PlanRequest& request);

}  // namespace flash
