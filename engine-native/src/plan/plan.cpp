#include "plan/plan.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "plan/expert_layout.h"
#include "reader/reader.h"

namespace flash {
namespace {

constexpr uint32_t kDefaultContext = 4096;
/** Of the ring: enough that the disk goes on while attention is computed, no more than helps. */
constexpr uint64_t kFewestTiles = 4;
constexpr uint64_t kLargestRing = 128ULL << 20;
constexpr uint64_t kRingShare = 16;  // of the cap
/** Of the cap: the arithmetic of some dozens of tokens takes longer than a pass over flash, so more gain little. */
constexpr uint64_t kComputeShare = 24;
/** A read below this does not reach the disk's bandwidth; above, more bytes wait for a thread than need be. */
constexpr uint64_t kSmallestTile = 512ULL << 10;
constexpr uint64_t kLargestTile = 4ULL << 20;
constexpr uint64_t kTilesOfMatrix = 8;
/** Parts of experts that a prompt's pass reads ahead: all that are in flight, and those being computed. */
constexpr uint64_t kExpertRooms = 12;
/** llama.cpp brings us weights in pieces of this size (see backend/upload.h), aligned for direct reads. */
constexpr uint64_t kUploadBytes = (64ULL << 20) + 2 * kReadAlignment;
/** llama.cpp's context keeps at least this much beside what grows with the shape. */
constexpr uint64_t kComputeBase = 8ULL << 20;
/** Measured: Node with node-llama-cpp and no model; what each byte of a GGUF header becomes, in llama.cpp and in Node.
 */
constexpr uint64_t kNodeBytes = 160ULL << 20;
constexpr uint64_t kVocabularyFactor = 20;
/** Of one batch, at most. */
constexpr uint64_t kSampledTokens = 16;
/** Of llama.cpp's libraries for GPUs and of a driver: measured without a GPU 64 MiB, the rest is a guess. */
constexpr uint64_t kGpuProcessBytes = 160ULL << 20;
/** llama.cpp loads a GPU's weights through so much memory, where it reads the file through the page cache. */
constexpr uint64_t kGpuUploadBytes = 4ULL << 20;

/** How willingly a tensor leaves memory: a lower tier goes entirely before a higher one begins. */
enum Tier : size_t { kRowReads, kExperts, kFeedForward, kAttention, kOutput, kTiers, kNever = kTiers };

Tier tier_of(const TensorInfo& tensor) {
    if (ExpertLayout::serves(tensor)) return kExperts;
    const bool matrix = tensor.ne[2] == 1 && tensor.ne[3] == 1;
    if (tensor.use == Use::Rows) return matrix ? kRowReads : kNever;
    if (!matrix || tensor.ne[1] < kRowGroup || tensor.ne[1] % kRowGroup != 0) return kNever;
    if (tensor.name == "output.weight" || tensor.name == "token_embd.weight") return kOutput;
    if (tensor.name.rfind("blk.", 0) != 0) return kNever;
    const size_t dot = tensor.name.find('.', 4);
    const std::string role = dot == std::string::npos ? std::string() : tensor.name.substr(dot + 1);
    // Only what every architecture multiplies with whole, and never looks into.
    for (const char* name : {"ffn_gate.weight", "ffn_up.weight", "ffn_down.weight", "ffn_gate_shexp.weight",
                             "ffn_up_shexp.weight", "ffn_down_shexp.weight"}) {
        if (role == name) return kFeedForward;
    }
    for (const char* name : {"attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_qkv.weight", "attn_output.weight",
                             "attn_gate.weight", "ssm_in.weight", "ssm_out.weight", "ffn_gate_inp.weight"}) {
        if (role == name) return kAttention;
    }
    return kNever;
}

/** Whether the neurons of a store serve it. */
bool by_neuron(const TensorInfo& tensor, Sparsity sparsity) {
    return tensor.part == NeuronPart::Down || (tensor.part == NeuronPart::Up && sparsity == Sparsity::Predict);
}

/** What the sizes of a model are, apart from any cap. */
struct Weights {
    uint64_t total = 0;
    uint64_t largest = 0;  // tensor
    std::array<uint64_t, kTiers> tiers{};
    uint64_t largest_movable = 0;
    uint64_t largest_immovable = 0;
    uint64_t tile_room = 0;  // for the largest tile
    uint64_t row_bytes = 0;
    uint64_t scratch_per_token = 0;  // a row of activations in the type that a kernel wants
    uint64_t least_pool = 0;         // of experts: one token's of one layer, so that all of them are read at once
    uint64_t expert_ring = 0;
    uint64_t process = 0;         // beside weights and context
    uint64_t gpu_upload = 0;      // while a GPU's weights are loaded
    bool never_resident = false;  // we always compute a part of the graph, and therefore all that is not on a GPU

    uint64_t movable() const {
        uint64_t sum = 0;
        for (const uint64_t tier : tiers) sum += tier;
        return sum - least_pool;
    }
};

uint64_t scratch_bytes(const TensorInfo& tensor) {
    const auto width = static_cast<uint64_t>(tensor.ne[0]);
    if (tensor.type == GGML_TYPE_F32) return 0;
    return ggml_is_quantized(tensor.type) ? width + width / 4 : 2 * width;
}

Weights weigh(const Model& model, const PlanRequest& request, const GpuShare& share) {
    const Sparsity sparsity = request.sparsity;
    Weights weights;
    weights.process = process_bytes(model) + (request.gpu.present ? kGpuProcessBytes : 0);
    weights.gpu_upload = share.layers > 0 ? kGpuUploadBytes : 0;
    weights.never_resident = model.store || share.layers > 0;
    if (model.store) weights.total += neuron_fixed_bytes(*model.store, sparsity);
    for (const TensorInfo& tensor : model.tensors) {
        if (by_neuron(tensor, sparsity)) {
            // Loaded through llama.cpp's copies, as all that it does not keep.
            weights.largest_movable = std::max(weights.largest_movable, tensor.size);
            continue;
        }
        weights.total += tensor.size;
        weights.largest = std::max(weights.largest, tensor.size);
        if (tensor.use == Use::Multiply)
            weights.scratch_per_token = std::max(weights.scratch_per_token, scratch_bytes(tensor));
        const Tier tier = tier_of(tensor);
        uint64_t& largest = tier == kNever ? weights.largest_immovable : weights.largest_movable;
        largest = std::max(largest, tensor.size);
        if (tier == kNever) continue;
        weights.tiers[tier] += tensor.size;
        if (tier == kExperts) continue;
        if (tensor.use == Use::Rows) {
            const uint64_t row = tensor.size / static_cast<uint64_t>(std::max<int64_t>(1, tensor.ne[1]));
            weights.row_bytes = std::max(weights.row_bytes, Reader::room_bytes(row));
        } else {
            weights.tile_room = std::max(weights.tile_room, Reader::room_bytes(tile_bytes(tensor)));
        }
    }
    const ExpertLayout experts(model.tensors);
    weights.least_pool = std::min(weights.tiers[kExperts], model.experts_used * experts.largest_bundle());
    weights.expert_ring = kExpertRooms * experts.largest_part_room();
    return weights;
}

uint64_t compute_bytes(const Model& model, const Weights& weights, const PlanRequest& request, uint32_t context,
                       uint32_t micro_batch) {
    // Per token of the micro-batch, in F32: the feed-forward block (gate, up and their product) and some copies of the
    // residual stream; a row of the attention mask, in F32 and F16; the kernels' scratch, for each of our threads and
    // once for llama.cpp. Logits only of the tokens that are sampled from: llama.cpp reserves room for more, and
    // memory that nothing touches is not taken.
    // For each expert that a token uses: its output, and the weighted output. For each thread: the tokens of one expert
    // and its output for them.
    const uint64_t experts =
        weights.tiers[kExperts] == 0
            ? 0
            : 4 * (2 * model.experts_used * model.embedding +
                   request.threads *
                       (model.embedding + 2 * model.feed_forward / std::max<uint64_t>(1, model.experts_used)));
    const uint64_t row = 4 * (3 * model.feed_forward + 10 * model.embedding) + experts +
                         (6 + model.score_bytes) * uint64_t{context} +
                         (request.threads + 1) * weights.scratch_per_token;
    return kComputeBase + row * micro_batch + 4 * model.vocabulary * kSampledTokens;
}

uint64_t smallest_ring(const Weights& weights) { return kFewestTiles * weights.tile_room; }

uint64_t staging_bytes(const Weights& weights, const PlanRequest& request, uint64_t ring) {
    return ring + weights.expert_ring + weights.row_bytes * static_cast<uint64_t>(kRowsAtOnce) +
           request.threads * kRepackBytes;
}

/** What is in memory when everything is loaded. */
struct Footprint {
    uint64_t weights;  // resident or pinned
    uint64_t kv;
    uint64_t compute;
    uint64_t staging;  // 0: every weight is resident
};

/** What loading takes beside the weights that have come: llama.cpp reads a tensor of its own through a copy of it. */
uint64_t loading_bytes(const Weights& weights, bool all_resident) {
    if (all_resident) return weights.largest;
    const uint64_t copy = std::max(std::min(weights.largest_movable, kUploadBytes), weights.largest_immovable);
    return std::max(copy, weights.gpu_upload);
}

/** The peak of the process. Context and staging buffers come when loading is over. */
uint64_t peak_bytes(const Weights& weights, const Footprint& footprint) {
    const uint64_t working = footprint.kv + footprint.compute + footprint.staging;
    return weights.process + footprint.weights + std::max(loading_bytes(weights, footprint.staging == 0), working);
}

uint64_t kv_bytes(const Model& model, const PlanRequest& request, uint32_t context) {
    const bool quantized = request.kv_type == KvType::Q8_0;
    return (quantized ? model.quantized_kv_bytes_per_token : model.kv_bytes_per_token) * context;
}

/** The least that works with all weights in memory, which has the smallest micro-batch. */
uint64_t whole_cap(const Model& model, const Weights& weights, const PlanRequest& request, uint32_t context) {
    const uint64_t compute = compute_bytes(model, weights, request, context, micro_batches().back());
    return peak_bytes(weights, {weights.total, kv_bytes(model, request, context), compute, 0});
}

/** The least that works: all that can leave memory does, with the smallest micro-batch and ring. */
uint64_t minimum_cap(const Model& model, const Weights& weights, const PlanRequest& request, uint32_t context) {
    const uint64_t resident = whole_cap(model, weights, request, context);
    if (weights.movable() == 0 && weights.gpu_upload == 0) return resident;
    const uint64_t kv = kv_bytes(model, request, context);
    const uint64_t compute = compute_bytes(model, weights, request, context, micro_batches().back());
    const uint64_t streamed = peak_bytes(weights, {weights.total - weights.movable(), kv, compute,
                                                   staging_bytes(weights, request, smallest_ring(weights))});
    return weights.never_resident ? streamed : std::min(resident, streamed);
}

uint32_t largest_context(const Model& model, const Weights& weights, const PlanRequest& request) {
    uint32_t low = 0;
    auto high = static_cast<uint32_t>(std::max<uint64_t>(model.trained_context, 1));
    while (low < high) {
        const uint32_t middle = low + (high - low + 1) / 2;
        if (minimum_cap(model, weights, request, middle) <= request.ram_cap)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/**
 * Moves as few bytes out of memory as it takes to free `excess`, tier by tier; within a tier spread evenly over the
 * layers, so that reading and arithmetic on resident weights alternate all the way.
 */
void place(const Model& model, const Weights& weights, Sparsity sparsity, uint64_t excess, Plan& plan) {
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (by_neuron(model.tensors[i], sparsity)) {
            plan.placement[i] = Placement::Neurons;
            continue;
        }
        const Tier tier = tier_of(model.tensors[i]);
        if (tier != kNever && tier != kRowReads)
            plan.placement[i] = tier == kExperts ? Placement::Experts : Placement::Pinned;
    }
    for (size_t tier = 0; tier < kTiers; tier++) {
        if (tier == kExperts) {
            const uint64_t moved = std::min(excess, weights.tiers[tier] - weights.least_pool);
            plan.expert_pool_bytes = weights.tiers[tier] - moved;
            excess -= moved;
            continue;
        }
        const uint64_t wanted = std::min(excess, weights.tiers[tier]);
        uint64_t moved = 0;
        uint64_t passed = 0;
        for (size_t i = 0; i < model.tensors.size() && wanted > 0; i++) {
            const TensorInfo& tensor = model.tensors[i];
            if (tier_of(tensor) != tier || plan.placement[i] == Placement::Neurons) continue;
            passed += tensor.size;
            // Whatever share of the tier has been passed, that share of what is wanted must have been moved.
            const double due =
                static_cast<double>(wanted) * (static_cast<double>(passed) / static_cast<double>(weights.tiers[tier]));
            if (tier != kRowReads && static_cast<double>(moved) >= due) continue;
            plan.placement[i] = tensor.use == Use::Rows ? Placement::Rows : Placement::Streamed;
            moved += tensor.size;
        }
        excess -= std::min(excess, moved);
    }
}

/** Adds up what was decided. */
void sum_up(const Model& model, Plan& plan) {
    for (size_t i = 0; i < model.tensors.size(); i++) {
        const uint64_t size = model.tensors[i].size;
        switch (plan.placement[i].method) {
            case Method::Resident:
                plan.resident_bytes += size;
                break;
            case Method::Pinned:
                plan.pinned_bytes += size;
                break;
            case Method::Streamed:
                plan.streamed_bytes += size;
                break;
            case Method::Rows:
                plan.row_read_bytes += size;
                break;
            case Method::Experts:
            case Method::Neurons:
                break;
        }
    }
}

}  // namespace

const std::vector<uint32_t>& micro_batches() {
    static const std::vector<uint32_t> sizes = {512, 256, 128, 64};
    return sizes;
}

uint32_t default_context(const Model& model, uint32_t largest_that_fits) {
    const uint64_t wanted =
        model.trained_context == 0 ? kDefaultContext : std::min<uint64_t>(kDefaultContext, model.trained_context);
    return static_cast<uint32_t>(largest_that_fits == 0 ? wanted : std::min<uint64_t>(wanted, largest_that_fits));
}

uint64_t tile_bytes(const TensorInfo& tensor) {
    const uint64_t row = tensor.size / static_cast<uint64_t>(tensor.ne[1]);
    const uint64_t group = row * static_cast<uint64_t>(kRowGroup);
    const uint64_t wanted = std::clamp(tensor.size / kTilesOfMatrix, kSmallestTile, kLargestTile);
    return std::min(tensor.size, std::max<uint64_t>(1, wanted / group) * group);
}

uint64_t vocabulary_bytes(const Model& model) { return kVocabularyFactor * model.metadata_bytes; }

uint64_t process_bytes(const Model& model) { return kNodeBytes + vocabulary_bytes(model); }

Plan plan_memory(const Model& model, const PlanRequest& request, const GpuShare& gpu) {
    const Weights weights = weigh(model, request, gpu);
    const uint64_t cap = request.ram_cap;
    Plan plan;
    plan.gpu = gpu;
    plan.process_bytes = weights.process;
    plan.placement.assign(model.tensors.size(), Placement::Resident);
    plan.maximum_context = largest_context(model, weights, request);
    plan.context = request.context == 0 ? default_context(model, plan.maximum_context) : request.context;
    plan.kv_type = request.kv_type;
    plan.kv_bytes = kv_bytes(model, request, plan.context);
    plan.minimum_cap = minimum_cap(model, weights, request, plan.context);
    if (!model.store) plan.whole_cap = whole_cap(model, weights, request, plan.context);
    plan.fits = plan.minimum_cap <= cap;
    const auto use_micro_batch = [&](uint32_t micro_batch) {
        plan.micro_batch = micro_batch;
        plan.compute_bytes = compute_bytes(model, weights, request, plan.context, micro_batch);
    };

    for (const uint32_t micro_batch : micro_batches()) {
        if (weights.never_resident) break;
        use_micro_batch(micro_batch);
        if (peak_bytes(weights, {weights.total, plan.kv_bytes, plan.compute_bytes, 0}) > cap) continue;
        sum_up(model, plan);
        return plan;
    }

    const auto use_ring = [&](uint64_t ring) {
        plan.ring_bytes = ring;
        plan.staging_bytes = staging_bytes(weights, request, ring);
    };
    plan.row_bytes = weights.row_bytes;
    plan.expert_ring_bytes = weights.expert_ring;
    const uint64_t least = smallest_ring(weights);
    use_ring(least == 0 ? 0 : std::clamp(cap / kRingShare, least, std::max(least, kLargestRing)));
    // A pass over flash costs the same for any micro-batch, but its buffers take room from resident weights.
    const auto beside_weights = [&] {
        return peak_bytes(weights, {1, plan.kv_bytes, plan.compute_bytes, plan.staging_bytes});
    };
    const uint64_t immovable = weights.total - weights.movable();
    // Nearly all experts are read for a micro-batch of any size, and a pool hits almost as often when it is a bit
    // smaller.
    const bool all_on_gpu = gpu.layers > 0 && weights.movable() == weights.tiers[kRowReads];
    const uint64_t share = weights.tiers[kExperts] > 0 ? kComputeShare / 2 : kComputeShare;
    for (const uint32_t micro_batch : micro_batches()) {
        if (gpu.layers > 0 && micro_batch > gpu.micro_batch) continue;
        use_micro_batch(micro_batch);
        if ((plan.compute_bytes <= cap / share || all_on_gpu) && beside_weights() + immovable <= cap) break;
    }
    if (beside_weights() + immovable > cap) use_ring(least);
    const auto budget = [&] {
        const uint64_t working =
            std::max(loading_bytes(weights, false), plan.kv_bytes + plan.compute_bytes + plan.staging_bytes);
        return cap - std::min(cap, weights.process + working);
    };
    const auto excess = [&] { return weights.total - std::min(weights.total, budget()); };
    // Where it is enough that experts or neurons leave memory, nothing goes through the ring.
    const uint64_t ring = plan.ring_bytes;
    use_ring(0);
    if ((weights.tiers[kExperts] == 0 && !model.store) ||
        excess() > weights.tiers[kRowReads] + weights.tiers[kExperts] - weights.least_pool) {
        use_ring(ring);
    }
    uint64_t leaving = excess();
    if (model.store) {
        // Rows of an embedding cost one small read a token: neurons make more of its memory.
        const uint64_t wanted = weights.total + neuron_bytes(*model.store, request.sparsity);
        leaving = std::max(leaving, std::min(wanted - std::min(wanted, budget()), weights.tiers[kRowReads]));
    }
    place(model, weights, request.sparsity, leaving, plan);
    sum_up(model, plan);
    if (model.store) {
        const uint64_t kept =
            plan.resident_bytes + plan.pinned_bytes + neuron_fixed_bytes(*model.store, request.sparsity);
        plan.window_bytes = std::min(neuron_bytes(*model.store, request.sparsity), budget() - std::min(budget(), kept));
        plan.staging_bytes += neuron_fixed_bytes(*model.store, request.sparsity);
    }
    return plan;
}

}  // namespace flash
