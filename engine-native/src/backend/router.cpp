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

/** Weights that a node scales what is normalized with; null where it does something else. */
const float* scales_of(const ggml_tensor* input) {
    while (input->op == GGML_OP_RESHAPE) input = input->src[0];
    if (input->op != GGML_OP_MUL || input->src[0]->op != GGML_OP_RMS_NORM) return nullptr;
    const ggml_tensor* scales = input->src[1];
    const bool plain = is_leaf(scales) && scales->type == GGML_TYPE_F32 && ggml_nelements(scales) == input->ne[0] &&
                       ggml_is_contiguous(scales) && scales->buffer && ggml_backend_buffer_is_host(scales->buffer);
    return plain ? static_cast<const float*>(scales->data) : nullptr;
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
    if (input->type != GGML_TYPE_F32 || !ggml_is_contiguous(input) || ids->type != GGML_TYPE_I32) return std::nullopt;
    return Router(ids, std::move(nodes));
}

std::vector<float> Router::input(const Router& earlier) const {
    const ggml_tensor* from = earlier.product()->src[1];
    const ggml_tensor* to = product()->src[1];
    if (!ggml_are_same_shape(from, to)) return {};
    const auto* values = static_cast<const float*>(from->data);
    std::vector<float> input(values, values + ggml_nelements(from));
    const float* were = scales_of(from);
    const float* are = scales_of(to);
    if (were && are) {
        for (size_t i = 0; i < input.size(); i++) input[i] = were[i] == 0 ? 0 : input[i] / were[i] * are[i];
    }
    return input;
}

std::vector<int32_t> Router::guess(const Router& earlier, const Kernel& kernel) const {
    std::vector<float> input = this->input(earlier);
    if (input.empty()) return {};
    struct ContextFree {
        void operator()(ggml_context* context) const { ggml_free(context); }
    };
    const size_t bytes = (nodes_.size() + 1) * ggml_tensor_overhead() + ggml_graph_overhead_custom(kMostNodes, false);
    size_t data_bytes = 0;
    for (const ggml_tensor* node : nodes_) data_bytes += GGML_PAD(ggml_nbytes(node), GGML_MEM_ALIGN);
    const std::unique_ptr<ggml_context, ContextFree> context(ggml_init({bytes, nullptr, true}));
    std::vector<uint8_t> data(data_bytes + GGML_MEM_ALIGN);
    size_t at = GGML_MEM_ALIGN - reinterpret_cast<uintptr_t>(data.data()) % GGML_MEM_ALIGN;
    // The same nodes, in memory of our own: that of the graph has other uses until it is their turn.
    std::vector<ggml_tensor*> copies;
    const auto copy_of = [&](ggml_tensor* original) {
        const auto found = std::find(nodes_.begin(), nodes_.end(), original);
        return found == nodes_.end() || static_cast<size_t>(found - nodes_.begin()) >= copies.size()
                   ? original
                   : copies[static_cast<size_t>(found - nodes_.begin())];
    };
    ggml_cgraph* graph = ggml_new_graph_custom(context.get(), kMostNodes, false);
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
    ggml_tensor substitute = *product()->src[1];
    substitute.op = GGML_OP_NONE;
    substitute.view_src = nullptr;
    substitute.data = input.data();
    copies.front()->src[1] = &substitute;
    if (kernel.compute(graph) != GGML_STATUS_SUCCESS) return {};
    const auto* ids = static_cast<const int32_t*>(copies.back()->data);
    return {ids, ids + ids_->ne[0]};
}

}  // namespace flash
