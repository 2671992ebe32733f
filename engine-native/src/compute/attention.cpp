#include "compute/attention.h"

#include <algorithm>
#include <array>
#include <memory>

#include "ggml-impl.h"

namespace flash {
namespace {

constexpr int64_t kLongContext = 512;  // from here on ggml divides a token's attention among its threads
/** Multiplications: fewer are done before another thread has begun. */
constexpr int64_t kFewMultiplications = 1 << 18;
constexpr int kSinks = 4;

enum Source { kQuery, kKeys, kValues, kMask };

int64_t heads_of(const ggml_tensor* tensor) { return tensor->ne[2]; }

void move(ggml_tensor& tensor, size_t bytes) { tensor.data = static_cast<uint8_t*>(tensor.data) + bytes; }

/** Of `count` heads from `first` on, which have the same keys. */
ggml_status attend(const Kernel& kernel, const ggml_tensor* node, int64_t first, int64_t count) {
    alignas(64) std::array<uint8_t, 4096> memory;
    constexpr size_t kNodes = 1;
    GGML_ASSERT(ggml_graph_overhead_custom(kNodes, false) <= memory.size());
    const std::unique_ptr<ggml_context, void (*)(ggml_context*)> structures(
        ggml_init({memory.size(), memory.data(), true}), ggml_free);
    ggml_cgraph* graph = ggml_new_graph_custom(structures.get(), kNodes, false);
    ggml_tensor query = *node->src[kQuery];
    ggml_tensor keys = *node->src[kKeys];
    ggml_tensor values = *node->src[kValues];
    ggml_tensor sinks = node->src[kSinks] == nullptr ? ggml_tensor{} : *node->src[kSinks];
    ggml_tensor result = *node;  // where a token's result begins follows from the number of all heads
    const auto head = static_cast<size_t>(first);
    move(query, head * query.nb[2]);
    move(keys, head / static_cast<size_t>(heads_of(&query) / heads_of(&keys)) * keys.nb[2]);
    move(values, head / static_cast<size_t>(heads_of(&query) / heads_of(&values)) * values.nb[2]);
    move(result, head * result.nb[1]);
    query.ne[2] = count;
    keys.ne[2] = values.ne[2] = 1;
    result.src[kQuery] = &query;
    result.src[kKeys] = &keys;
    result.src[kValues] = &values;
    if (node->src[kSinks] != nullptr) {
        move(sinks, head * sinks.nb[0]);
        sinks.ne[0] = count;
        result.src[kSinks] = &sinks;
    }
    ggml_graph_add_node(graph, &result);
    return kernel.compute(graph);
}

}  // namespace

bool attends_by_head(const ggml_tensor* node) {
    if (node->op != GGML_OP_FLASH_ATTN_EXT) return false;
    const ggml_tensor* query = node->src[kQuery];
    const ggml_tensor* keys = node->src[kKeys];
    const ggml_tensor* values = node->src[kValues];
    const ggml_tensor* mask = node->src[kMask];
    if (query->ne[1] == 1 && keys->ne[1] >= kLongContext) return false;
    // What depends on a head's number.
    if (ggml_get_op_params_f32(node, 1) > 0 || (mask != nullptr && mask->ne[2] != 1)) return false;
    if (query->ne[3] != 1 || keys->ne[3] != 1) return false;
    return heads_of(keys) == heads_of(values) && heads_of(query) % heads_of(keys) == 0;
}

ggml_status attend_by_head(Workers& workers, const ggml_tensor* node, const Stop& stop) {
    const ggml_tensor* query = node->src[kQuery];
    const int64_t heads = heads_of(query);
    const int64_t group = heads / heads_of(node->src[kKeys]);
    const bool alone = workers.count() == 1 || ggml_nelements(query) * node->src[kKeys]->ne[1] < kFewMultiplications;
    // Several parts for each worker, if there are so many heads.
    const int64_t wanted = alone ? 1 : 2 * static_cast<int64_t>(workers.count());
    const int64_t groups = heads / group;
    const int64_t each = std::max<int64_t>(1, group / std::max<int64_t>(1, (wanted + groups - 1) / groups));
    struct Part {
        int64_t first;
        int64_t count;
    };
    std::vector<Part> parts;
    for (int64_t begin = 0; begin < heads; begin += group) {
        for (int64_t first = begin; first < begin + group; first += each)
            parts.push_back({first, std::min(each, begin + group - first)});
    }
    std::atomic<size_t> next{0};
    std::atomic<ggml_status> status{GGML_STATUS_SUCCESS};
    const auto compute = [&](const Kernel& kernel) {
        for (size_t i = next++; i < parts.size() && status == GGML_STATUS_SUCCESS; i = next++) {
            const ggml_status done =
                stop() ? GGML_STATUS_ABORTED : attend(kernel, node, parts[i].first, parts[i].count);
            if (done != GGML_STATUS_SUCCESS) status = done;
        }
    };
    if (alone)
        compute(workers.kernel());
    else
        workers.run(compute);
    return status;
}

}  // namespace flash
