#include "backend/expert_layers.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ggml-impl.h"

namespace flash {
namespace {

const ggml_tensor* source_of(const ggml_tensor* ids) { return ids->view_src ? ids->view_src : ids; }

/** Of the first `count` tokens. */
int32_t likeliest(const float* logits, int64_t count) {
    // Of each lane first: a compiler turns that into wide instructions.
    constexpr int64_t kLanes = 16;
    std::array<float, kLanes> most;
    most.fill(-INFINITY);
    for (int64_t i = 0; i + kLanes <= count; i += kLanes) {
        for (int64_t lane = 0; lane < kLanes; lane++) {
            const float here = logits[i + lane];
            float& best = most[static_cast<size_t>(lane)];
            best = best < here ? here : best;
        }
    }
    float best = *std::max_element(most.begin(), most.end());
    for (int64_t i = count - count % kLanes; i < count; i++) best = best < logits[i] ? logits[i] : best;
    const float* found = std::find(logits, logits + count, best);
    return static_cast<int32_t>(found == logits + count ? 0 : found - logits);  // none are numbers: any will do
}

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
        const auto token = [&] { return *static_cast<const int32_t*>(node->src[1]->data); };
        const auto guess = [&](int32_t) { return first.router->guess(node, kernel); };
        if (!pass_) first.experts->expect_first(first.tensors, Experts::Token::Known, token, guess);
        return;
    }
    const size_t number = numbers_.at(node);
    begin(number);
    if (number + 1 == layers_.size() || !pass_->guesses()) return;
    const Layer& layer = layers_[number];
    const Layer& next = layers_[number + 1];
    if (layer.router && next.router) pass_->expect(next.tensors, next.router->guess(layer.router->input(), kernel));
}

bool ExpertLayers::gives_logits(const ggml_tensor* node) const {
    return embedding_ != nullptr && node->op == GGML_OP_MUL_MAT && node->type == GGML_TYPE_F32 &&
           ggml_is_vector(node) && node->ne[0] == embedding_->src[0]->ne[1];
}

void ExpertLayers::expect_next_token(const Kernel& kernel, const ggml_tensor* logits, int64_t known, const Stop& stop) {
    const auto embeddings = find_weight(embedding_);
    if (!embeddings || pass_) return;
    const Layer& first = layers_.front();
    const auto token = [&] { return likeliest(static_cast<const float*>(logits->data), known); };
    const auto known_as = known < logits->ne[0] ? Experts::Token::LikeliestSoFar : Experts::Token::Likeliest;
    first.experts->expect_first(first.tensors, known_as, token, [&](int32_t next) -> std::vector<int32_t> {
        ggml_tensor ids = *embedding_->src[1];
        ids.data = &next;
        std::vector<float> data(static_cast<size_t>(embedding_->ne[0]));
        ggml_tensor row = *embedding_;
        row.src[1] = &ids;
        row.data = data.data();
        // A read that fails here is repeated, and reported, when the experts are needed.
        const auto got = embeddings->served->stream->get_rows(kernel, *embeddings->info, &row, stop);
        return got && *got == GGML_STATUS_SUCCESS ? first.router->guess(&row, kernel) : std::vector<int32_t>();
    });
}

void ExpertLayers::begin(size_t number) {
    pass_.reset();
    const Layer& layer = layers_[number];
    left_ = layer.tensors.size();
    pass_ = std::make_unique<ExpertPass>(*layer.experts, layer.ids, layer.tensors);
}

Result<ggml_status> ExpertLayers::multiply(Workers& workers, const Weight& weight, int index, const Stop& stop) {
    const ggml_tensor* node = graph_->nodes[index];
    if (!pass_ || pass_->ids() != node->src[2]) begin(numbers_.at(source_of(node->src[2])));
    left_--;
    return pass_->multiply(workers, *weight.info, node, stop);
}

}  // namespace flash
