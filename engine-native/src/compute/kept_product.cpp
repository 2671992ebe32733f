#include "compute/kept_product.h"

#include <algorithm>
#include <array>
#include <memory>

#include "ggml-backend-impl.h"
#include "ggml-impl.h"
#include "plan/plan.h"

namespace flash {
namespace {

/** So that a worker that is late leaves its parts to others. More would convert activations more often. */
constexpr int64_t kPartsOfWorker = 2;
/** Of weights, in bytes: less is computed before another thread has begun. */
constexpr uint64_t kSmallestPart = 96ULL << 10;
/** The kernels for several tokens take so many at once. */
constexpr int64_t kTokenGroup = 32;

int64_t parts_of(int64_t whole, int64_t parts, int64_t group) {
    const int64_t each = (whole + parts - 1) / parts;
    return std::max<int64_t>(1, (each + group - 1) / group) * group;
}

}  // namespace

std::vector<ProductPart> divide_product(int64_t rows, uint64_t row_bytes, int64_t tokens, unsigned workers,
                                        bool any_tokens) {
    std::vector<ProductPart> parts;
    const int64_t most = workers == 1 ? 1 : kPartsOfWorker * workers;
    if (any_tokens && tokens >= kTokenGroup * workers) {
        const int64_t each = parts_of(tokens, most, kTokenGroup);
        for (int64_t token = 0; token < tokens;) {
            // A single one would be another kernel's, and have its bits.
            const int64_t count = tokens - token <= each + 1 ? tokens - token : each;
            parts.push_back({0, rows, token, count});
            token += count;
        }
        return parts;
    }
    const auto fewest = static_cast<int64_t>(kSmallestPart / std::max<uint64_t>(1, row_bytes));
    const int64_t each =
        std::max(parts_of(rows, most, 2 * kRowGroup), parts_of(std::max<int64_t>(1, fewest / tokens), 1, kRowGroup));
    for (int64_t row = 0; row < rows; row += each) parts.push_back({row, std::min(each, rows - row), 0, tokens});
    return parts;
}

std::optional<KeptProduct> KeptProduct::of(const ggml_tensor* node) {
    if (node->op != GGML_OP_MUL_MAT && node->op != GGML_OP_MUL_MAT_ID) return {};
    const ggml_tensor* weights = node->src[0];
    const ggml_tensor* input = node->src[1];
    if (weights->buffer == nullptr || weights->buffer->usage != GGML_BACKEND_BUFFER_USAGE_WEIGHTS) return {};
    if (weights->view_src != nullptr || weights->ne[3] != 1 || input->ne[3] != 1) return {};
    if (node->op == GGML_OP_MUL_MAT && (weights->ne[2] != 1 || input->ne[2] != 1)) return {};
    if (ggml_backend_buffer_is_host(weights->buffer)) {
        // Parts of experts in IQ2_XS, as in the file, had other bits than the whole. Why is not known yet.
        if (node->op == GGML_OP_MUL_MAT_ID) return {};
        if (weights->ne[1] % kRowGroup != 0) return {};
        return KeptProduct(node, nullptr);
    }
    const Layout* layout = layout_of(weights->buffer->buft);
    if (layout == nullptr) return {};
    return KeptProduct(node, layout);
}

ggml_status KeptProduct::compute(const Kernel& kernel, const ProductPart& part) const {
    alignas(64) std::array<uint8_t, 4096> memory;
    constexpr size_t kNodes = 1;
    GGML_ASSERT(ggml_graph_overhead_custom(kNodes, false) <= memory.size());
    const std::unique_ptr<ggml_context, void (*)(ggml_context*)> structures(
        ggml_init({memory.size(), memory.data(), true}), ggml_free);
    ggml_cgraph* graph = ggml_new_graph_custom(structures.get(), kNodes, false);
    ggml_tensor weights = *node_->src[0];
    ggml_tensor input = *node_->src[1];
    ggml_tensor result = *node_;
    result.src[0] = &weights;
    result.src[1] = &input;
    const ggml_tensor before = first_rows(weights, part.row);
    const size_t offset = part.row == 0 ? 0 : ggml_backend_buft_get_alloc_size(weights.buffer->buft, &before);
    weights.data = static_cast<uint8_t*>(weights.data) + offset;
    weights.ne[1] = result.ne[0] = part.rows;
    ggml_graph_add_node(graph, &result);
    auto* to = static_cast<uint8_t*>(node_->data) + static_cast<size_t>(part.row) * node_->nb[0];
    if (node_->op == GGML_OP_MUL_MAT_ID) {
        // An expert begins where it does in the whole matrix.
        result.data = to;
        return kernel.compute(graph);
    }
    weights.nb[2] = weights.nb[3] = weights.nb[1] * static_cast<size_t>(part.rows);
    const bool whole = part.rows == node_->src[0]->ne[1];
    for (int64_t token = part.token; token < part.token + part.tokens; token += input.ne[1]) {
        const int64_t left = part.token + part.tokens - token;
        input.ne[1] = result.ne[1] = layout_ == nullptr || whole ? left : layout_->tokens_at_once(left);
        input.data = static_cast<uint8_t*>(node_->src[1]->data) + static_cast<size_t>(token) * input.nb[1];
        result.data = to + static_cast<size_t>(token) * result.nb[1];
        const ggml_status status = kernel.compute(graph);
        if (status != GGML_STATUS_SUCCESS) return status;
    }
    return GGML_STATUS_SUCCESS;
}

ggml_status KeptProduct::compute(Workers& workers, const Stop& stop) const {
    const ggml_tensor* weights = node_->src[0];
    const bool experts = node_->op == GGML_OP_MUL_MAT_ID;
    const ggml_tensor one_row = first_rows(*weights, 1);
    const uint64_t row_bytes = ggml_nbytes(&one_row) * static_cast<uint64_t>(experts ? node_->ne[1] : 1);
    const int64_t tokens = experts ? node_->ne[2] : node_->ne[1];
    const auto parts =
        divide_product(weights->ne[1], row_bytes, tokens, workers.count(), layout_ != nullptr && !experts);
    if (parts.size() == 1) return compute(workers.kernel(), parts.front());
    std::atomic<size_t> next{0};
    std::atomic<ggml_status> status{GGML_STATUS_SUCCESS};
    workers.run([&](const Kernel& kernel) {
        for (size_t i = next++; i < parts.size() && status == GGML_STATUS_SUCCESS; i = next++) {
            const ggml_status computed = stop() ? GGML_STATUS_ABORTED : compute(kernel, parts[i]);
            if (computed != GGML_STATUS_SUCCESS) status = computed;
        }
    });
    return status;
}

}  // namespace flash
