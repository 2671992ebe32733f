#include "stream/stand_in.h"

#include "ggml-impl.h"

namespace flash {
namespace {

constexpr size_t kGraphNodes = 4;

}  // namespace

StandIn::StandIn(const ggml_tensor* node, const TensorInfo& tensor) : node_(node) {
    GGML_ASSERT(ggml_graph_overhead_custom(kGraphNodes, false) + 4 * ggml_tensor_overhead() <= memory_.size());
    context_.reset(ggml_init({memory_.size(), memory_.data(), true}));
    graph_ = ggml_new_graph_custom(context_.get(), kGraphNodes, false);
    weights_ = ggml_new_tensor(context_.get(), tensor.type, 2, tensor.ne.data());
    result_ = ggml_dup_tensor(context_.get(), node);
    *result_ = *node;
    result_->src[0] = weights_;
    ggml_graph_add_node(graph_, result_);
}

ggml_status StandIn::multiply(const Kernel& kernel, int64_t row, int64_t rows, const uint8_t* weights) {
    weights_->data = const_cast<uint8_t*>(weights);  // kernels only read src[0]
    weights_->ne[1] = rows;
    weights_->nb[2] = weights_->nb[3] = weights_->nb[1] * static_cast<size_t>(rows);
    result_->ne[0] = rows;
    result_->data = static_cast<uint8_t*>(node_->data) + static_cast<size_t>(row) * node_->nb[0];
    return kernel.compute(graph_);
}

ggml_status StandIn::get_row(const Kernel& kernel, int64_t index, const uint8_t* weights) {
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
