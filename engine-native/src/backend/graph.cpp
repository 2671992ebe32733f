#include "backend/graph.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "backend/buffer.h"
#include "backend/expert_layers.h"
#include "backend/token_by_token.h"
#include "compute/attention.h"
#include "compute/kept_product.h"
#include "ggml-impl.h"

namespace flash {
namespace {

/** A product that gives the next token's logits: while it is computed, the disk can begin with what that will want. */
Result<ggml_status> multiply_output(FlashBackend& context, ExpertLayers& layers, const Weight& weight,
                                    const ggml_tensor* node, const Stop& stop) {
    layers.end();
    const auto guess = [&](const Kernel& kernel, int64_t known) {
        layers.expect_next_token(kernel, node, known, stop);
    };
    const auto status = weight.served->stream->multiply(context.workers, *weight.info, node, false, stop, guess);
    if (status && *status == GGML_STATUS_SUCCESS) guess(context.workers.kernel(), node->ne[0]);
    return status;
}

/** One operation with a weight on flash. */
ggml_status compute_flash(FlashBackend& context, ExpertLayers& layers, const Weight& weight, const ggml_cgraph* graph,
                          int index) {
    const ggml_tensor* node = graph->nodes[index];
    Stream& stream = *weight.served->stream;
    const auto stop = [&] { return context.should_abort(); };
    const auto compute = [&] {
        if (node->op == GGML_OP_MUL_MAT_ID) return layers.multiply(context.workers, weight, index, stop);
        if (weight.info->use != Use::Multiply)
            return stream.get_rows(context.workers.kernel(), *weight.info, node, stop);
        if (layers.gives_logits(node)) return multiply_output(context, layers, weight, node, stop);
        const bool alone = by_token(weight.served, node->src[1]->ne[1]);
        return stream.multiply(context.workers, *weight.info, node, alone, stop);
    };
    const auto status = compute();
    if (status) return *status;
    weight.served->fail(status.error());
    return GGML_STATUS_FAILED;
}

/** The feed-forward block that the nodes from `i` on are, if it has squared ReLU and no gate. */
std::optional<FeedForward> squared_relu_block(const ggml_cgraph* graph, int i) {
    constexpr int kMostNodes = 5;
    std::array<const ggml_tensor*, kMostNodes> nodes{};
    for (int at = 0; at < kMostNodes && i + at < graph->n_nodes; at++) {
        nodes[static_cast<size_t>(at)] = graph->nodes[i + at];
    }
    const ggml_tensor* const* next = nodes.data() + 1;
    const ggml_tensor* bias = nullptr;
    if (*next != nullptr && (*next)->op == GGML_OP_ADD && (*next)->src[0] == nodes[0]) {
        bias = (*next++)->src[1];
        if (bias->type != GGML_TYPE_F32 || ggml_nelements(bias) != nodes[0]->ne[0]) return {};
    }
    const ggml_tensor* relu = next[0];
    const ggml_tensor* square = next[1];
    const ggml_tensor* down = next[2];
    if (down == nullptr || relu->op != GGML_OP_UNARY || ggml_get_unary_op(relu) != GGML_UNARY_OP_RELU ||
        relu->src[0] != next[-1] || square->op != GGML_OP_SQR || square->src[0] != relu || down->src[1] != square) {
        return {};
    }
    const auto weight = find_weight(down);
    if (!weight || weight->info->part != NeuronPart::Down) return {};
    return FeedForward{nodes[0], bias, down};
}

/** What is served neuron by neuron, from node `i` on. Moves `i` behind it. */
ggml_status compute_neurons(FlashBackend& context, const Weight& weight, const ggml_cgraph* graph, int& i) {
    Neurons& neurons = *weight.served->neurons;
    const auto stop = [&] { return context.should_abort(); };
    const ggml_tensor* first = graph->nodes[i];
    const auto layer =
        static_cast<uint32_t>(std::strtoul(weight.info->name.c_str() + std::strlen("blk."), nullptr, 10));
    const auto done = [&](const Result<ggml_status>& status) {
        if (status) return *status;
        weight.served->fail(status.error());
        return GGML_STATUS_FAILED;
    };
    if (weight.info->part != NeuronPart::Up) {
        i++;
        return ggml_is_empty(first) ? GGML_STATUS_SUCCESS : done(neurons.project(context.workers, layer, first, stop));
    }
    const auto block = squared_relu_block(graph, i);
    if (!block) {
        return done(
            Error{FLASH_INVALID_ARGUMENT, weight.info->name + " is not used as it was when the model was converted"});
    }
    i += block->bias == nullptr ? 4 : 5;
    if (ggml_is_empty(block->down)) return GGML_STATUS_SUCCESS;
    return done(neurons.feed_forward(context.workers, layer, *block, stop));
}

/** How many elements an operation computes: its result may be a view of all of the KV cache. */
int64_t computed_elements(const ggml_tensor* node) {
    switch (node->op) {
        case GGML_OP_NONE:
        case GGML_OP_VIEW:
        case GGML_OP_RESHAPE:
        case GGML_OP_PERMUTE:
        case GGML_OP_TRANSPOSE:
            return 0;
        case GGML_OP_SET_ROWS:
            return ggml_nelements(node->src[0]);
        default:
            return ggml_nelements(node);
    }
}

/** Whether it is computed by itself, and not with its neighbours. */
bool stands_alone(const FlashBackend& context, const ggml_tensor* node) {
    return find_weight(node) || attends_by_token(context.served.get(), node) || attends_by_head(node) ||
           KeptProduct::of(node);
}

/** Whether it is worth waking ggml's team for. */
bool is_large(const ggml_tensor* node) {
    constexpr int64_t kManyElements = 1 << 16;
    constexpr int64_t kLongContext = 512;  // from here on ggml divides a token's attention among its threads
    if (node->op == GGML_OP_FLASH_ATTN_EXT && node->src[1]->ne[1] >= kLongContext) return true;
    return computed_elements(node) >= kManyElements;
}

void count_kept(FlashBackend& context, const ggml_tensor* product) {
    if (context.served) context.served->kept_bytes += ggml_nbytes(product->src[0]);
}

/**
 * Has ggml's team compute the nodes from `i` on, up to the next one whose weight is ours: as llama.cpp by itself does.
 * Of many tokens up to the next product only, so that what else this machine does is looked at again. Moves `i` behind
 * them.
 */
ggml_status compute_with_team(FlashBackend& context, const ExpertLayers& layers, const ggml_cgraph* graph, int& i,
                              const Stop& stop) {
    constexpr int64_t kManyTokens = 32;
    const int begin = i;
    int products = 0;
    bool awaited = false;
    for (; i < graph->n_nodes && !awaited; i++) {
        const ggml_tensor* node = graph->nodes[i];
        if (find_weight(node) || attends_by_token(context.served.get(), node)) break;
        if (KeptProduct::of(node)) {
            if (products > 0 && node->src[1]->ne[1] * node->src[1]->ne[2] >= kManyTokens) break;
            products++;
            count_kept(context, node);
        }
        awaited = layers.awaits(node);
    }
    ggml_cgraph part = ggml_graph_view(const_cast<ggml_cgraph*>(graph), begin, i);
    return context.workers.team().compute(&part, stop);
}

}  // namespace

bool FlashBackend::should_abort() const {
    return (served && served->aborted) || (abort_callback != nullptr && abort_callback(abort_data));
}

ggml_status compute(FlashBackend& context, ggml_cgraph* graph) {
    ExpertLayers layers(graph);
    const Stop stop = [&] { return context.should_abort(); };
    for (int i = 0; i < graph->n_nodes;) {
        if (context.should_abort()) return GGML_STATUS_ABORTED;
        ggml_status status = GGML_STATUS_SUCCESS;
        if (const auto weight = find_weight(graph->nodes[i])) {
            if (weight->info->use == Use::Neurons) {
                status = compute_neurons(context, *weight, graph, i);
            } else {
                if (!ggml_is_empty(graph->nodes[i])) status = compute_flash(context, layers, *weight, graph, i);
                i++;
            }
        } else if (attends_by_token(context.served.get(), graph->nodes[i])) {
            status = attend_by_token(context.workers.kernel_for(is_large(graph->nodes[i])), graph->nodes[i]);
            i++;
        } else if (attends_by_head(graph->nodes[i])) {
            const ggml_tensor* node = graph->nodes[i++];
            if (!ggml_is_empty(node)) status = attend_by_head(context.workers, node, stop);
        } else if (const auto product = KeptProduct::of(graph->nodes[i])) {
            if (context.load.leaves(context.workers.count())) {
                status = compute_with_team(context, layers, graph, i, stop);
            } else {
                const ggml_tensor* node = graph->nodes[i++];
                if (!ggml_is_empty(node)) status = product->compute(context.workers, stop);
                count_kept(context, node);
            }
        } else {
            // All up to the next weight at once: ggml fuses neighbours, and would round otherwise if it could not.
            const int begin = i;
            bool large = false;
            bool awaited = false;
            for (; i < graph->n_nodes && !awaited && !stands_alone(context, graph->nodes[i]); i++) {
                large = large || is_large(graph->nodes[i]);
                awaited = layers.awaits(graph->nodes[i]);
            }
            ggml_cgraph between = ggml_graph_view(graph, begin, i);
            status = context.workers.kernel_for(large).compute(&between);
        }
        if (status != GGML_STATUS_SUCCESS) return status;
        if (layers.awaits(graph->nodes[i - 1])) layers.prefetch(context.workers.kernel(), graph->nodes[i - 1]);
    }
    return GGML_STATUS_SUCCESS;
}

}  // namespace flash
