#include "compute/op_slice.h"

#include <algorithm>

#include "ggml-impl.h"
#include "plan/plan.h"

namespace flash {
namespace {

constexpr size_t kGraphNodes = 4;
constexpr int64_t kCachedBytes = 256 << 10;

}  // namespace

OpSlice::OpSlice(const ggml_tensor* node, const TensorInfo& tensor, const Repack* repack)
    : node_(node), repack_(repack) {
    GGML_ASSERT(ggml_graph_overhead_custom(kGraphNodes, false) + 4 * ggml_tensor_overhead() <= memory_.size());
    context_.reset(ggml_init({memory_.size(), memory_.data(), true}));
    graph_ = ggml_new_graph_custom(context_.get(), kGraphNodes, false);
    weights_ = ggml_new_tensor(context_.get(), tensor.type, 2, tensor.ne.data());
    result_ = ggml_dup_tensor(context_.get(), node);
    *result_ = *node;
    result_->src[0] = weights_;
    ggml_graph_add_node(graph_, result_);
}

void OpSlice::take(int64_t row, int64_t rows) {
    weights_->ne[1] = result_->ne[0] = rows;
    weights_->nb[2] = weights_->nb[3] = weights_->nb[1] * static_cast<size_t>(rows);
    result_->data = static_cast<uint8_t*>(node_->data) + static_cast<size_t>(row) * node_->nb[0];
}

ggml_status OpSlice::multiply(const Kernel& kernel, int64_t row, int64_t rows, const uint8_t* weights) {
    if (repack_) return multiply_repacked(kernel, row, rows, weights);
    weights_->data = const_cast<uint8_t*>(weights);  // kernels only read src[0]
    take(row, rows);
    return kernel.compute(graph_);
}

void OpSlice::take_tokens(int64_t first, int64_t count) {
    if (tokens_ == nullptr) {
        tokens_ = ggml_dup_tensor(context_.get(), node_->src[1]);
        *tokens_ = *node_->src[1];
        result_->src[1] = tokens_;
    }
    tokens_->ne[1] = result_->ne[1] = count;
    const auto at = static_cast<size_t>(first);
    tokens_->data = static_cast<uint8_t*>(node_->src[1]->data) + at * tokens_->nb[1];
    result_->data = static_cast<uint8_t*>(result_->data) + at * node_->nb[1];
}

ggml_status OpSlice::multiply_repacked(const Kernel& kernel, int64_t row, int64_t rows, const uint8_t* weights) {
    for (int64_t done = 0; done < rows; done += repack_->rows()) {
        const int64_t count = std::min(repack_->rows(), rows - done);
        take(row + done, count);
        repack_->fill(weights_, weights + static_cast<size_t>(done) * weights_->nb[1]);
        for (int64_t token = 0; token < node_->ne[1]; token += tokens_->ne[1]) {
            take(row + done, count);
            take_tokens(token, repack_->tokens_at_once(node_->ne[1] - token));
            const ggml_status status = kernel.compute(graph_);
            if (status != GGML_STATUS_SUCCESS) return status;
        }
    }
    return GGML_STATUS_SUCCESS;
}

ggml_status OpSlice::multiply_by_token(const Kernel& kernel, int64_t row, int64_t rows, const uint8_t* weights) {
    // Rows enough for a kernel to be worth calling, few enough that they are in a core's cache for the next token.
    const int64_t group =
        std::max<int64_t>(1, kCachedBytes / static_cast<int64_t>(weights_->nb[1]) / kRowGroup) * kRowGroup;
    for (int64_t done = 0; done < rows; done += group) {
        for (int64_t token = 0; token < node_->ne[1]; token++) {
            weights_->data = const_cast<uint8_t*>(weights) + static_cast<size_t>(done) * weights_->nb[1];
            take(row + done, std::min(group, rows - done));
            take_tokens(token, 1);
            const ggml_status status = kernel.compute(graph_);
            if (status != GGML_STATUS_SUCCESS) return status;
        }
    }
    return GGML_STATUS_SUCCESS;
}

ggml_status OpSlice::get_row(const Kernel& kernel, int64_t index, const uint8_t* weights) {
    if (result_->src[1] == node_->src[1]) {
        const int64_t one = 1;
        result_->src[1] = ggml_new_tensor(context_.get(), GGML_TYPE_I32, 1, &one);
        result_->src[1]->data = &first_;
        result_->ne[1] = result_->ne[2] = result_->ne[3] = 1;
    }
    weights_->data = const_cast<uint8_t*>(weights);
    weights_->ne[1] = 1;
    result_->data = static_cast<uint8_t*>(node_->data) + static_cast<size_t>(index) * node_->nb[1];
    return kernel.compute(graph_);
}

}  // namespace flash
