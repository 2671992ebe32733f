#include "experts/product.h"

#include <algorithm>
#include <cstring>

#include "compute/op_slice.h"
#include "ggml-impl.h"

namespace flash {
namespace {

constexpr size_t kGraphNodes = 4;
/** Of one expert's tokens: from here on laying out its rows pays, in a batch for which it is done at all. */
constexpr size_t kRepackRoutes = 12;

/** Makes the tensor `width` floats for each of `tokens` tokens, in which each has one expert. */
void shape(ggml_tensor* tensor, int64_t width, int64_t tokens) {
    tensor->ne[0] = width;
    tensor->ne[1] = 1;
    tensor->ne[2] = tokens;
    tensor->ne[3] = 1;
    tensor->nb[0] = sizeof(float);
    tensor->nb[1] = tensor->nb[2] = static_cast<size_t>(width) * sizeof(float);
    tensor->nb[3] = tensor->nb[2] * static_cast<size_t>(tokens);
}

}  // namespace

ExpertProduct::ExpertProduct(const ggml_tensor* node, const TensorInfo& tensor) : node_(node), tensor_(tensor) {
    GGML_ASSERT(ggml_graph_overhead_custom(kGraphNodes, false) + 5 * ggml_tensor_overhead() <= memory_.size());
    GGML_ASSERT(node->src[1]->type == GGML_TYPE_F32 && node->type == GGML_TYPE_F32);
    context_.reset(ggml_init({memory_.size(), memory_.data(), true}));
    graph_ = ggml_new_graph_custom(context_.get(), kGraphNodes, false);
    const std::array<int64_t, 3> one_expert = {tensor.ne[0], tensor.ne[1], 1};
    weights_ = ggml_new_tensor(context_.get(), tensor.type, one_expert.size(), one_expert.data());
    input_ = ggml_new_tensor_1d(context_.get(), GGML_TYPE_F32, tensor.ne[0]);
    repack_ = Repack::create(node->op, tensor, *input_, node->ne[2]);
    ids_ = ggml_new_tensor_2d(context_.get(), GGML_TYPE_I32, 1, 1);
    result_ = ggml_dup_tensor(context_.get(), node);
    *result_ = *node;
    result_->view_src = nullptr;
    result_->src[0] = weights_;
    result_->src[1] = input_;
    result_->src[2] = ids_;
    ggml_graph_add_node(graph_, result_);
}

const uint8_t* ExpertProduct::input_of(const Route& route) const {
    const ggml_tensor* input = node_->src[1];  // one row for all choices of a token, or one for each
    return static_cast<const uint8_t*>(input->data) + static_cast<size_t>(route.choice % input->ne[1]) * input->nb[1] +
           static_cast<size_t>(route.token) * input->nb[2];
}

uint8_t* ExpertProduct::result_of(const Route& route) const {
    return static_cast<uint8_t*>(node_->data) + static_cast<size_t>(route.choice) * node_->nb[1] +
           static_cast<size_t>(route.token) * node_->nb[2];
}

ggml_status ExpertProduct::multiply_repacked(const Kernel& kernel, int64_t tokens, int64_t rows,
                                             const uint8_t* weights) {
    ggml_tensor input{};
    input.type = GGML_TYPE_F32;
    shape(&input, weights_->ne[0], tokens);
    std::swap(input.ne[1], input.ne[2]);
    input.data = gathered_.data();
    ggml_tensor product = *result_;
    product.op = GGML_OP_MUL_MAT;
    std::swap(product.ne[1], product.ne[2]);
    product.src[1] = &input;
    product.src[2] = nullptr;
    return OpSlice(&product, tensor_, repack_.get()).multiply(kernel, 0, rows, weights);
}

ggml_status ExpertProduct::multiply(const Kernel& kernel, const std::vector<Route>& routes, int64_t row, int64_t rows,
                                    const uint8_t* weights) {
    const int64_t width = weights_->ne[0];
    const auto tokens = static_cast<int64_t>(routes.size());
    weights_->data = const_cast<uint8_t*>(weights);  // kernels only read src[0]
    weights_->ne[1] = rows;
    weights_->nb[2] = weights_->nb[3] = weights_->nb[1] * static_cast<size_t>(rows);
    shape(input_, width, tokens);
    shape(result_, rows, tokens);
    zeros_.resize(routes.size());
    ids_->ne[1] = tokens;
    ids_->nb[2] = ids_->nb[3] = ids_->nb[1] * routes.size();
    ids_->data = zeros_.data();
    const size_t offset = static_cast<size_t>(row) * sizeof(float);
    if (routes.size() == 1) {
        input_->data = const_cast<uint8_t*>(input_of(routes.front()));
        result_->data = result_of(routes.front()) + offset;
        return kernel.compute(graph_);
    }
    gathered_.resize(static_cast<size_t>(width) * routes.size());
    products_.resize(static_cast<size_t>(rows) * routes.size());
    for (size_t i = 0; i < routes.size(); i++) {
        std::memcpy(&gathered_[i * static_cast<size_t>(width)], input_of(routes[i]), input_->nb[1]);
    }
    input_->data = gathered_.data();
    result_->data = products_.data();
    const ggml_status status = repack_ && routes.size() >= kRepackRoutes
                                   ? multiply_repacked(kernel, tokens, rows, weights)
                                   : kernel.compute(graph_);
    for (size_t i = 0; i < routes.size(); i++) {
        std::memcpy(result_of(routes[i]) + offset, &products_[i * static_cast<size_t>(rows)], result_->nb[1]);
    }
    return status;
}

}  // namespace flash
