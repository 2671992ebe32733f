#include "backend/token_by_token.h"

#include <array>
#include <cstdint>
#include <memory>

#include "ggml-impl.h"

namespace flash {

bool by_token(const ServedModel* model, int64_t tokens) {
    constexpr int64_t kMostGuessed = 16;  // more are a prompt's
    return model != nullptr && model->token_by_token && tokens > 1 && tokens <= kMostGuessed;
}

bool attends_by_token(const ServedModel* model, const ggml_tensor* node) {
    return node->op == GGML_OP_FLASH_ATTN_EXT && by_token(model, node->src[0]->ne[1]);
}

ggml_status attend_by_token(const Kernel& kernel, const ggml_tensor* node) {
    alignas(64) std::array<uint8_t, 4096> memory;
    constexpr size_t kNodes = 1;
    GGML_ASSERT(ggml_graph_overhead_custom(kNodes, false) <= memory.size());
    const std::unique_ptr<ggml_context, void (*)(ggml_context*)> structures(
        ggml_init({memory.size(), memory.data(), true}), ggml_free);
    ggml_cgraph* graph = ggml_new_graph_custom(structures.get(), kNodes, false);
    ggml_tensor result = *node;
    ggml_tensor query = *node->src[0];
    ggml_tensor mask = node->src[3] == nullptr ? ggml_tensor{} : *node->src[3];
    result.src[0] = &query;
    if (node->src[3] != nullptr) result.src[3] = &mask;
    result.ne[2] = query.ne[1] = mask.ne[1] = 1;
    ggml_graph_add_node(graph, &result);
    const auto row = [](const ggml_tensor* tensor, int64_t index, int dimension) {
        return static_cast<uint8_t*>(tensor->data) + static_cast<size_t>(index) * tensor->nb[dimension];
    };
    for (int64_t i = 0; i < node->src[0]->ne[1]; i++) {
        query.data = row(node->src[0], i, 1);
        result.data = row(node, i, 2);
        if (node->src[3] != nullptr) mask.data = row(node->src[3], i, 1);
        const ggml_status status = kernel.compute(graph);
        if (status != GGML_STATUS_SUCCESS) return status;
    }
    return GGML_STATUS_SUCCESS;
}

}  // namespace flash
