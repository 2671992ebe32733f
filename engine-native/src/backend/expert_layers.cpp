#include "backend/expert_layers.h"

#include "ggml-impl.h"

namespace flash {
namespace {

const ggml_tensor* source_of(const ggml_tensor* ids) { return ids->view_src ? ids->view_src : ids; }

}  // namespace

ExpertLayers::ExpertLayers(const ggml_cgraph* graph) : graph_(graph) {
    for (int i = 0; i < graph->n_nodes; i++) {
        const ggml_tensor* node = graph->nodes[i];
        if (node->op != GGML_OP_MUL_MAT_ID) continue;
        const auto weight = find_weight(node);
        if (!weight) continue;
        if (numbers_.emplace(source_of(node->src[2]), layers_.size()).second)
            layers_.push_back({node->src[2], weight->served->experts.get(), Router::find(node->src[2]), {}});
        layers_[numbers_.at(source_of(node->src[2]))].tensors.push_back(weight->info);
    }
    const bool one_token = !layers_.empty() && layers_.front().ids->ne[1] == 1;
    if (one_token && layers_.front().router) embedding_ = layers_.front().router->embedding();
}

void ExpertLayers::prefetch(const Kernel& kernel, const ggml_tensor* node) {
    if (pass_ && left_ > 0) return;
    if (node == embedding_) {
        const Layer& first = layers_.front();
        if (!pass_) first.experts->expect_first(first.tensors, [&] { return first.router->guess(node, kernel); });
        return;
    }
    const size_t number = numbers_.at(node);
    begin(number);
    if (number + 1 == layers_.size() || !pass_->guesses()) return;
    const Layer& layer = layers_[number];
    const Layer& next = layers_[number + 1];
    if (layer.router && next.router) pass_->expect(next.tensors, next.router->guess(layer.router->input(), kernel));
}

void ExpertLayers::begin(size_t number) {
    pass_.reset();
    const Layer& layer = layers_[number];
    left_ = layer.tensors.size();
    pass_ = std::make_unique<ExpertPass>(*layer.experts, layer.ids, layer.tensors);
}

Result<ggml_status> ExpertLayers::multiply(Workers& workers, const Weight& weight, int index,
                                           const Stream::Stop& stop) {
    const ggml_tensor* node = graph_->nodes[index];
    if (!pass_ || pass_->ids() != node->src[2]) begin(numbers_.at(source_of(node->src[2])));
    left_--;
    return pass_->multiply(workers, *weight.info, node, stop);
}

}  // namespace flash
