#include "plan/plan.h"

#include <algorithm>
#include <cstring>

#include "reader/reader.h"

namespace flash {
namespace {

constexpr uint32_t kDefaultContext = 4096;
constexpr uint32_t kMicroBatches[] = {512, 256, 128, 64};
/** Whole tensors up to this size are read at once; larger ones in tiles of rows. */
constexpr uint64_t kLargestTile = 32ULL << 20;
/** llama.cpp's context keeps at least this much beside what grows with the shape. */
constexpr uint64_t kComputeBase = 8ULL << 20;

uint64_t compute_bytes(const Model& model, uint32_t context, uint32_t micro_batch) {
    // Per token of the micro-batch, in F32: the logits, the feed-forward block (gate, up and their product) and some
    // copies of the residual stream; and a row of the attention mask, in F16 and F32.
    const uint64_t row = 4 * (model.vocabulary + 3 * model.feed_forward + 10 * model.embedding) + 6 * uint64_t{context};
    return kComputeBase + row * micro_batch + 4 * model.vocabulary;
}

/** Everything of the weights that does not depend on the cap. */
struct Weights {
    uint64_t total = 0;
    uint64_t streamable = 0;
    uint64_t largest = 0;  // of all tensors
    uint64_t largest_streamable = 0;
    std::vector<size_t> streamable_tensors;
};

Weights weigh(const Model& model) {
    Weights weights;
    for (size_t i = 0; i < model.tensors.size(); i++) {
        const TensorInfo& tensor = model.tensors[i];
        weights.total += tensor.size;
        weights.largest = std::max(weights.largest, tensor.size);
        if (!can_stream(tensor)) continue;
        weights.streamable += tensor.size;
        weights.largest_streamable = std::max(weights.largest_streamable, tensor.size);
        weights.streamable_tensors.push_back(i);
    }
    return weights;
}

/**
 * The peak of the process with so many bytes of weights resident. llama.cpp reads each tensor through an aligned copy
 * of its size, and a tensor that it does not keep through two, before context and staging buffers exist.
 */
uint64_t peak_bytes(const Weights& weights, uint64_t resident, uint64_t kv, uint64_t compute, uint64_t staging) {
    const uint64_t loading = staging == 0 ? weights.largest : std::max(weights.largest, 2 * weights.largest_streamable);
    return kProcessBytes + resident + std::max(loading, kv + compute + staging);
}

uint64_t staging_bytes(const Weights& weights) {
    return Reader::buffer_bytes(std::min(weights.largest_streamable, kLargestTile));
}

/** The least that works: all that can be streamed is, with the smallest micro-batch. */
uint64_t minimum_cap(const Model& model, const Weights& weights, uint32_t context) {
    const uint64_t kv = model.kv_bytes_per_token * context;
    const uint64_t compute = compute_bytes(model, context, *std::rbegin(kMicroBatches));
    const uint64_t resident = peak_bytes(weights, weights.total, kv, compute, 0);
    if (weights.streamable == 0) return resident;
    return std::min(resident,
                    peak_bytes(weights, weights.total - weights.streamable, kv, compute, staging_bytes(weights)));
}

uint32_t largest_context(const Model& model, const Weights& weights, uint64_t ram_cap) {
    uint32_t low = 0;
    uint32_t high = static_cast<uint32_t>(std::max<uint64_t>(model.trained_context, 1));
    while (low < high) {
        const uint32_t middle = low + (high - low + 1) / 2;
        if (minimum_cap(model, weights, middle) <= ram_cap)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/** Streams as few bytes as the budget asks for, spread evenly over the layers so that reads and arithmetic alternate.
 */
uint64_t place(const Model& model, const Weights& weights, uint64_t resident_budget,
               std::vector<Placement>& placement) {
    const uint64_t excess = weights.total > resident_budget ? weights.total - resident_budget : 0;
    uint64_t streamed = 0;
    uint64_t passed = 0;
    for (const size_t i : weights.streamable_tensors) {
        const uint64_t size = model.tensors[i].size;
        passed += size;
        // Keeps streamed / passed at least at excess / streamable, in doubles: exactness does not matter, the sum does.
        const double due =
            static_cast<double>(excess) * (static_cast<double>(passed) / static_cast<double>(weights.streamable));
        if (static_cast<double>(streamed) >= due) continue;
        placement[i] = Placement::Streamed;
        streamed += size;
    }
    return streamed;
}

}  // namespace

bool can_stream(const TensorInfo& tensor) {
    if (tensor.name.rfind("blk.", 0) != 0 || tensor.ne[2] != 1 || tensor.ne[3] != 1 || tensor.ne[1] < 2) return false;
    const size_t dot = tensor.name.find('.', 4);
    if (dot == std::string::npos) return false;
    const std::string role = tensor.name.substr(dot + 1);
    return role == "ffn_gate.weight" || role == "ffn_up.weight" || role == "ffn_down.weight";
}

Plan make_plan(const Model& model, uint64_t ram_cap, uint32_t context) {
    const Weights weights = weigh(model);
    Plan plan;
    plan.placement.assign(model.tensors.size(), Placement::Resident);
    plan.maximum_context = largest_context(model, weights, ram_cap);
    plan.context = context;
    if (context == 0) {
        const uint32_t wanted = model.trained_context == 0
                                    ? kDefaultContext
                                    : static_cast<uint32_t>(std::min<uint64_t>(kDefaultContext, model.trained_context));
        plan.context = plan.maximum_context == 0 ? wanted : std::min(wanted, plan.maximum_context);
    }
    plan.kv_bytes = model.kv_bytes_per_token * plan.context;
    plan.minimum_cap_bytes = minimum_cap(model, weights, plan.context);
    plan.fits = plan.minimum_cap_bytes <= ram_cap;

    plan.micro_batch = *std::rbegin(kMicroBatches);
    for (const uint32_t micro_batch : kMicroBatches) {
        const uint64_t compute = compute_bytes(model, plan.context, micro_batch);
        if (peak_bytes(weights, weights.total, plan.kv_bytes, compute, 0) > ram_cap) continue;
        plan.micro_batch = micro_batch;
        plan.compute_bytes = compute;
        plan.resident_bytes = weights.total;
        return plan;
    }
    // A pass over flash costs the same for any micro-batch, but its buffers take room from resident weights.
    for (const uint32_t micro_batch : kMicroBatches) {
        plan.micro_batch = micro_batch;
        if (compute_bytes(model, plan.context, micro_batch) <= ram_cap / 8) break;
    }
    const auto others = [&] {
        plan.compute_bytes = compute_bytes(model, plan.context, plan.micro_batch);
        return peak_bytes(weights, 0, plan.kv_bytes, plan.compute_bytes, plan.staging_bytes);
    };
    plan.staging_bytes = weights.streamable == 0 ? 0 : staging_bytes(weights);
    if (plan.fits && others() + weights.total - weights.streamable > ram_cap)
        plan.micro_batch = *std::rbegin(kMicroBatches);
    const uint64_t used = others();
    plan.streamed_bytes = place(model, weights, ram_cap > used ? ram_cap - used : 0, plan.placement);
    plan.resident_bytes = weights.total - plan.streamed_bytes;
    return plan;
}

}  // namespace flash
