#include "backend/router.h"

#include <algorithm>
#include <memory>

#include "backend/buffer.h"
#include "ggml-impl.h"

namespace flash {
namespace {

/** Far beyond any router: DeepSeek's with groups of experts has about twenty. */
constexpr size_t kMostNodes = 64;

bool is_leaf(const ggml_tensor* tensor) { return tensor->op == GGML_OP_NONE && tensor->view_src == nullptr; }

/** Whether a product's weights are. */
bool is_in_memory(const ggml_tensor* product) {
    const auto weight = find_weight(product);
    return is_leaf(product->src[0]) && (!weight || weight->served->stream->pinned(*weight->info));
}

bool is_norm(const ggml_tensor* tensor) { return tensor->op == GGML_OP_RMS_NORM || tensor->op == GGML_OP_NORM; }

/** Whether a node scales or shifts a norm, with weights that are in memory. */
bool finishes_norm(const ggml_tensor* tensor) {
    if (tensor->op == GGML_OP_RESHAPE) return true;
    if ((tensor->op != GGML_OP_MUL && tensor->op != GGML_OP_ADD) || tensor->view_src) return false;
    const ggml_tensor* weights = tensor->src[1];
    return is_leaf(weights) && weights->buffer && ggml_backend_buffer_is_host(weights->buffer);
}

/** The norm that `input` is, in the order of computation; none where it is something else. */
std::vector<const ggml_tensor*> norm_of(const ggml_tensor* input) {
    std::vector<const ggml_tensor*> nodes;
    for (; finishes_norm(input); input = input->src[0]) nodes.push_back(input);
    if (!is_norm(input) || input->view_src) return {};
    nodes.push_back(input);
    std::reverse(nodes.begin(), nodes.end());
    return nodes;
}

/** Adds what `tensor` is computed from, and itself, in the order of computation. False where it is no router's. */
bool collect(const ggml_tensor* tensor, std::vector<const ggml_tensor*>& nodes) {
    if (is_leaf(tensor) || std::find(nodes.begin(), nodes.end(), tensor) != nodes.end()) return true;
    if (nodes.size() == kMostNodes) return false;
    if (tensor->op == GGML_OP_MUL_MAT) {
        // Another product would have another input.
        if (!nodes.empty() || !is_in_memory(tensor)) return false;
    } else {
        if (tensor->view_src && !collect(tensor->view_src, nodes)) return false;
        for (const ggml_tensor* source : tensor->src) {
            if (source && !collect(source, nodes)) return false;
        }
        if (nodes.empty()) return false;  // no product before it
    }
    nodes.push_back(tensor);
    return true;
}

}  // namespace

std::optional<Router> Router::find(const ggml_tensor* ids) {
    std::vector<const ggml_tensor*> nodes;
    if (!collect(ids, nodes) || nodes.empty()) return std::nullopt;
    const ggml_tensor* input = nodes.front()->src[1];
    const std::vector<const ggml_tensor*> norm = norm_of(input);
    nodes.insert(nodes.begin(), norm.begin(), norm.end());
    if (!norm.empty()) input = norm.front()->src[0];
    if (input->type != GGML_TYPE_F32 || !ggml_is_contiguous(input) || ids->type != GGML_TYPE_I32) return std::nullopt;
    return Router(input, std::move(nodes));
}

const ggml_tensor* Router::embedding() const {
    // What it is scaled by, where it is, goes with the norm.
    if (input_->op != GGML_OP_ADD || !is_norm(nodes_.front())) return nullptr;
    for (const ggml_tensor* part : {input_->src[0], input_->src[1]}) {
        for (; part->op == GGML_OP_SCALE || part->op == GGML_OP_GET_ROWS; part = part->src[0]) {
            if (is_leaf(part->src[0])) return part->op == GGML_OP_GET_ROWS ? part : nullptr;
        }
    }
    return nullptr;
}

std::vector<int32_t> Router::guess(const ggml_tensor* input, const Kernel& kernel) const {
    if (input->type != GGML_TYPE_F32 || !ggml_are_same_shape(input, input_) || !ggml_is_contiguous(input)) return {};
    struct ContextFree {
        void operator()(ggml_context* context) const { ggml_free(context); }
    };
    const size_t bytes = nodes_.size() * ggml_tensor_overhead() + ggml_graph_overhead_custom(nodes_.size(), false);
    size_t data_bytes = 0;
    for (const ggml_tensor* node : nodes_) data_bytes += GGML_PAD(ggml_nbytes(node), GGML_MEM_ALIGN);
    const std::unique_ptr<ggml_context, ContextFree> context(ggml_init({bytes, nullptr, true}));
    std::vector<uint8_t> data(data_bytes + GGML_MEM_ALIGN);
    size_t at = GGML_MEM_ALIGN - reinterpret_cast<uintptr_t>(data.data()) % GGML_MEM_ALIGN;
    ggml_tensor substitute = *input_;
    substitute.op = GGML_OP_NONE;
    substitute.view_src = nullptr;
    substitute.data = input->data;
    // The same nodes, in memory of our own: that of the graph has other uses until it is their turn.
    std::vector<ggml_tensor*> copies;
    const auto copy_of = [&](ggml_tensor* original) {
        if (original == input_) return &substitute;
        const auto found = std::find(nodes_.begin(), nodes_.end(), original);
        return found == nodes_.end() || static_cast<size_t>(found - nodes_.begin()) >= copies.size()
                   ? original
                   : copies[static_cast<size_t>(found - nodes_.begin())];
    };
    ggml_cgraph* graph = ggml_new_graph_custom(context.get(), nodes_.size(), false);
    for (const ggml_tensor* node : nodes_) {
        ggml_tensor* copy = ggml_dup_tensor(context.get(), node);
        *copy = *node;
        for (ggml_tensor*& source : copy->src) {
            if (source) source = copy_of(source);
        }
        if (copy->view_src) {
            const ggml_tensor* viewed = copy->view_src = copy_of(copy->view_src);
            copy->data = static_cast<uint8_t*>(viewed->data) + copy->view_offs;
        } else {
            copy->data = data.data() + at;
            at += GGML_PAD(ggml_nbytes(node), GGML_MEM_ALIGN);
        }
        copies.push_back(copy);
        ggml_graph_add_node(graph, copy);
    }
    if (kernel.compute(graph) != GGML_STATUS_SUCCESS) return {};
    const ggml_tensor* chosen = copies.back();
    const auto* ids = static_cast<const int32_t*>(chosen->data);
    return {ids, ids + chosen->ne[0]};
}

}  // namespace flash
