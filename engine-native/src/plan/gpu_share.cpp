#include "plan/gpu_share.h"

#include <algorithm>
#include <cstdlib>

#include "plan/expert_layout.h"

namespace flash {
namespace {

/** Of a GPU's buffers, beside what grows with the shape. */
constexpr uint64_t kComputeBase = 64ULL << 20;
/** Of the GPU's memory, what the buffers of a larger micro-batch may take. */
constexpr uint64_t kComputeShare = 8;
/** llama.cpp makes a KV cache for contexts of whole multiples of this. */
constexpr uint64_t kContextStep = 256;

uint64_t layers_of(const Model& model) { return model.layer_kv_bytes.size(); }

/** The layer of a weight, counted from 0; of the output, the number of layers; nothing for what never leaves memory. */
std::optional<uint64_t> layer_of_weight(const Model& model, const TensorInfo& tensor) {
    const uint64_t layers = layers_of(model);
    if (tensor.use == Use::Rows) return std::nullopt;
    if (tensor.name.rfind("output", 0) == 0 || tensor.name == "token_embd.weight") return layers;
    if (tensor.name.rfind("blk.", 0) != 0) return std::nullopt;
    const uint64_t layer = std::strtoull(tensor.name.c_str() + 4, nullptr, 10);
    return layer < layers ? std::optional(layer) : std::nullopt;
}

bool is_lacking(const Gpu& gpu, const TensorInfo& tensor) {
    return std::find(gpu.lacking.begin(), gpu.lacking.end(), tensor.type) != gpu.lacking.end();
}

/**
 * In F32, for each token of the micro-batch: the feed-forward block, copies of the residual stream, the mask, the
 * outputs of experts, and logits: unlike in ordinary memory, what is reserved of a GPU's is taken.
 */
uint64_t compute_bytes(const Model& model, uint32_t context, uint32_t micro_batch) {
    const uint64_t row = 4 * (3 * model.feed_forward + 10 * model.embedding + model.vocabulary +
                              2 * model.experts_used * model.embedding) +
                         (6 + model.score_bytes) * uint64_t{context};
    return kComputeBase + row * micro_batch;
}

}  // namespace

GpuShare largest_share(const Model& model, const Gpu& gpu, uint64_t bytes, uint32_t context,
                       const std::vector<uint32_t>& micro_batches) {
    const uint64_t layers = layers_of(model);
    GpuShare share;
    if (layers == 0) return share;
    share.micro_batch = *std::find_if(micro_batches.begin(), micro_batches.end() - 1, [&](uint32_t micro_batch) {
        return compute_bytes(model, context, micro_batch) <= bytes / kComputeShare;
    });
    share.compute_bytes = compute_bytes(model, context, share.micro_batch);

    std::vector<uint64_t> weights(layers + 1);
    std::vector<uint64_t> experts(layers + 1);
    for (const TensorInfo& tensor : model.tensors) {
        const auto layer = layer_of_weight(model, tensor);
        if (!layer || is_lacking(gpu, tensor)) continue;
        (ExpertLayout::serves(tensor) ? experts : weights)[*layer] += tensor.size;
    }
    const uint64_t tokens = align_up(context, kContextStep);
    for (uint64_t layer = layers + 1; layer-- > 0;) {
        const uint64_t kv = layer < layers ? model.layer_kv_bytes[layer] * tokens : 0;
        if (share.bytes() + weights[layer] + kv > bytes) break;
        share.weight_bytes += weights[layer];
        share.kv_bytes += kv;
        share.layers++;
    }
    if (share.layers == 0) return {};
    const bool mixture = std::any_of(experts.begin(), experts.end(), [](uint64_t bytes) { return bytes > 0; });
    for (uint64_t layer = layers; mixture && layer-- > 0 && share.layers > layers;) {
        if (share.bytes() + experts[layer] > bytes) break;
        share.weight_bytes += experts[layer];
        share.expert_layers++;
    }
    return share;
}

std::vector<bool> tensors_on_gpu(const Model& model, const Gpu& gpu, const GpuShare& share) {
    const uint64_t layers = layers_of(model);
    std::vector<bool> result;
    for (const TensorInfo& tensor : model.tensors) {
        const auto layer = layer_of_weight(model, tensor);
        const bool within = layer && (ExpertLayout::serves(tensor) ? *layer + share.expert_layers >= layers
                                                                   : *layer + share.layers > layers);
        result.push_back(within && !is_lacking(gpu, tensor));
    }
    return result;
}

Model without_share(const Model& model, const Gpu& gpu, const GpuShare& share) {
    Model rest = model;
    const std::vector<bool> on_gpu = tensors_on_gpu(model, gpu, share);
    rest.tensors.clear();
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (!on_gpu[i]) rest.tensors.push_back(model.tensors[i]);
    }
    const uint64_t layers = layers_of(model);
    for (uint64_t layer = layers + 1 - share.layers; share.layers > 0 && layer < layers; layer++) {
        rest.kv_bytes_per_token -= model.layer_kv_bytes[layer];
        rest.layer_kv_bytes[layer] = 0;
    }
    return rest;
}

}  // namespace flash
