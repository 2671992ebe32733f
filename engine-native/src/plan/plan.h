#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "gguf/model.h"
#include "plan/gpu_share.h"
#include "plan/neuron_budget.h"

namespace flash {

/** What keeps a tensor between two passes over the model. */
enum class Device : uint8_t { Memory, Flash, Gpu };

/**
 * What computes with a tensor, and how. As soon as one matrix is streamed the others are pinned rather than resident:
 * then all of a pass is computed in one place, and the threads of two do not wait for each other.
 */
enum class Method : uint8_t {
    Resident,  // llama.cpp, with its own kernels
    Pinned,    // we, a matrix that stays in memory
    Streamed,  // we, a matrix that is read for every pass
    Rows,      // we, an embedding of which the rows that are asked for are read
    Experts,   // we, experts of a MoE layer, of which a pool keeps those that are used most
    Neurons,   // we, a part of feed-forward blocks of which the neurons that are active are read
};

struct Placement {
    Device device;
    Method method;

    bool operator==(const Placement& other) const { return device == other.device && method == other.method; }
    bool operator!=(const Placement& other) const { return !(*this == other); }

    static const Placement Resident;
    static const Placement OnGpu;  // llama.cpp puts it there itself
    static const Placement Pinned;
    static const Placement Streamed;
    static const Placement Rows;
    static const Placement Experts;
    static const Placement Neurons;
};

inline constexpr Placement Placement::Resident{Device::Memory, Method::Resident};
inline constexpr Placement Placement::OnGpu{Device::Gpu, Method::Resident};
inline constexpr Placement Placement::Pinned{Device::Memory, Method::Pinned};
inline constexpr Placement Placement::Streamed{Device::Flash, Method::Streamed};
inline constexpr Placement Placement::Rows{Device::Flash, Method::Rows};
inline constexpr Placement Placement::Experts{Device::Flash, Method::Experts};
inline constexpr Placement Placement::Neurons{Device::Flash, Method::Neurons};

/** Bytes that the process takes beside weights and context, without a GPU: Node, libraries, the vocabulary. */
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
/** Of the room that a thread has to lay out rows in for a prompt (compute/repack.h), in bytes. */
constexpr uint64_t kRepackBytes = 1ULL << 20;

/** Bytes of one tile of this matrix: several for each thread, at most what one read is good for. */
uint64_t tile_bytes(const TensorInfo& tensor);

/** How a context keeps keys and values. */
enum class KvType : uint8_t { F16, Q8_0 };

struct PlanRequest {
    uint64_t ram_cap;  // bytes for the whole process
    uint32_t context;  // tokens; 0 for the largest up to 4096 that the model was trained for and that fits
    uint32_t threads;  // for arithmetic: each has scratch memory
    Sparsity sparsity = Sparsity::Exact;  // of a converted model
    Gpu gpu = {};
    KvType kv_type = KvType::F16;  // for plan_memory; make_plan chooses
};

/** What lives where, and the sizes that follow. All sizes in bytes; but for those of `gpu`, of the process's memory. */
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
    KvType kv_type = KvType::F16;
    uint64_t kv_bytes = 0;
    uint64_t compute_bytes = 0;
    uint64_t expert_pool_bytes = 0;  // that experts are kept in; 0 where there are none, or all are resident
    uint64_t staging_bytes = 0;      // what is read ahead into, and the rows; 0 when llama.cpp keeps everything
    uint64_t ring_bytes = 0;         // that tiles are read ahead into
    uint64_t expert_ring_bytes = 0;  // that parts of experts go through which the pool does not keep
    uint64_t row_bytes = 0;          // room for one row of an embedding
    uint64_t window_bytes = 0;       // for neurons that stay in memory
    uint64_t process_bytes = 0;      // beside weights and context
    GpuShare gpu;
};

/**
 * Decides for each tensor what serves it, so that everything together stays below the cap and the GPU's memory. A pure
 * function.
 */
Plan make_plan(const Model& model, const PlanRequest& request);

/** The model and its plan without what is on a GPU. */
std::pair<Model, Plan> beside_gpu(const Model& model, const Plan& plan);

/** As make_plan, of a model without the share that a GPU has of it. */
Plan plan_memory(const Model& rest, const PlanRequest& request, const GpuShare& share);
/** As plan_memory without a GPU, with the type of keys and values that the context is to have (kv_plan.cpp). */
Plan plan_kv_type(const Model& model, const PlanRequest& request);
/** The context, in tokens, of a plan that is asked for none. */
uint32_t default_context(const Model& model, uint32_t largest_that_fits);
/** Tokens of a prompt in one pass over the weights: in order of preference; the last is the least that is bearable. */
const std::vector<uint32_t>& micro_batches();

}  // namespace flash
