#include "model_tensors.h"

#include <algorithm>
#include <utility>

namespace flint {
namespace {

/** The feed-forward block of a layer with experts. */
std::vector<Tensor> expert_tensors(const Shape& shape, const std::string& prefix) {
    const int64_t embedding = shape.embedding;
    const int64_t hidden = shape.feed_forward;
    const int64_t experts = shape.experts;
    std::vector<Tensor> tensors;
    const auto matrix = [&](const char* name, std::vector<int64_t> ne) {
        tensors.push_back({prefix + name + ".weight", std::move(ne), shape.type, Fill::Matrix});
    };
    tensors.push_back({prefix + "ffn_gate_inp.weight", {embedding, experts}, GGML_TYPE_F32, Fill::Matrix});
    if (is_hybrid(shape)) {
        matrix("ffn_up_exps", {embedding, hidden, experts});
        tensors.push_back({prefix + "exp_probs_b.bias", {experts}, GGML_TYPE_F32, Fill::Bias});
    } else if (shape.merged) {
        matrix("ffn_gate_up_exps", {embedding, 2 * hidden, experts});
    } else {
        matrix("ffn_gate_exps", {embedding, hidden, experts});
        matrix("ffn_up_exps", {embedding, hidden, experts});
    }
    matrix("ffn_down_exps", {hidden, embedding, experts});
    tensors.back().scale = std::max(0.001F, static_cast<float>(shape.residual) / 100);
    if (shape.architecture == "gpt-oss") {
        const auto bias = [&](const char* name, std::vector<int64_t> ne) {
            tensors.push_back({prefix + name + ".bias", std::move(ne), GGML_TYPE_F32, Fill::Bias});
        };
        bias("ffn_gate_inp", {experts});
        bias("ffn_gate_exps", {hidden, experts});
        bias("ffn_up_exps", {hidden, experts});
        bias("ffn_down_exps", {embedding, experts});
    }
    if (shape.shared_experts > 0) {
        const int64_t shared = hidden * shape.shared_experts;
        if (!is_hybrid(shape)) matrix("ffn_gate_shexp", {embedding, shared});
        matrix("ffn_down_shexp", {shared, embedding});
        matrix("ffn_up_shexp", {embedding, shared});
    }
    return tensors;
}

/** Multi-head latent attention, but for its output matrix. */
std::vector<Tensor> latent_attention(const Shape& shape, const std::string& prefix) {
    const int64_t embedding = shape.embedding;
    const int64_t width = shape.head_width;
    const int64_t rotated = rotated_width(shape);
    const int64_t latent = latent_width(shape);
    std::vector<Tensor> tensors;
    const auto matrix = [&](const char* name, std::vector<int64_t> ne) {
        tensors.push_back({prefix + name + ".weight", std::move(ne), shape.type, Fill::Matrix});
    };
    matrix("attn_q", {embedding, shape.heads * (width + rotated)});
    matrix("attn_kv_a_mqa", {embedding, latent + rotated});
    tensors.push_back({prefix + "attn_kv_a_norm.weight", {latent}, GGML_TYPE_F32, Fill::Norm});
    matrix("attn_kv_b", {latent, shape.heads * 2 * width});
    return tensors;
}

bool has_norm_biases(const Shape& shape) { return shape.architecture == "nemotron" || shape.architecture == "jais2"; }

std::vector<Tensor> layer_tensors(const Shape& shape, uint32_t layer) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    const int64_t embedding = shape.embedding;
    const int64_t width = shape.head_width;
    const int64_t queries = width * shape.heads;
    const int64_t keys = width * shape.kv_heads;
    const int64_t hidden = shape.feed_forward;
    std::vector<Tensor> tensors;
    const auto matrix = [&](const char* name, std::vector<int64_t> ne) {
        tensors.push_back({prefix + name + ".weight", std::move(ne), shape.type, Fill::Matrix});
    };
    const auto vector = [&](const std::string& name, int64_t size, Fill fill) {
        tensors.push_back({prefix + name, {size}, GGML_TYPE_F32, fill});
    };
    const float residual = std::max(0.001F, static_cast<float>(shape.residual) / 100);
    vector("attn_norm.weight", embedding, Fill::Norm);
    if (is_latent(shape)) {
        for (Tensor& tensor : latent_attention(shape, prefix)) tensors.push_back(std::move(tensor));
    }
    if (is_hybrid(shape) && hybrid_layer(layer) == HybridLayer::Recurrent) {
        const int64_t convolved = embedding + 2 * kGroups * kStates;
        matrix("ssm_in", {embedding, embedding + convolved + shape.heads});
        const auto small = [&](const char* name, std::vector<int64_t> ne, Fill fill) {
            tensors.push_back({prefix + name, std::move(ne), GGML_TYPE_F32, fill});
        };
        small("ssm_conv1d.weight", {kConvolution, convolved}, Fill::Matrix);
        small("ssm_conv1d.bias", {convolved}, Fill::Bias);
        small("ssm_dt.bias", {shape.heads}, Fill::Bias);
        small("ssm_a", {1, shape.heads}, Fill::Bias);
        small("ssm_d", {1, shape.heads}, Fill::Norm);
        small("ssm_norm.weight", {embedding / kGroups, kGroups}, Fill::Norm);
        matrix("ssm_out", {embedding, embedding});
        return tensors;
    }
    if (is_hybrid(shape) && hybrid_layer(layer) == HybridLayer::Experts) {
        for (Tensor& tensor : expert_tensors(shape, prefix)) tensors.push_back(std::move(tensor));
        return tensors;
    }
    if (!is_latent(shape)) {
        matrix("attn_q", {embedding, queries});
        matrix("attn_k", {embedding, keys});
        matrix("attn_v", {embedding, keys});
    }
    matrix("attn_output", {queries, embedding});
    tensors.back().scale = residual;
    if (shape.architecture == "qwen2" || shape.architecture == "jais2") {
        vector("attn_q.bias", queries, Fill::Bias);
        vector("attn_k.bias", keys, Fill::Bias);
        vector("attn_v.bias", keys, Fill::Bias);
    }
    if (has_norm_biases(shape)) {
        vector("attn_norm.bias", embedding, Fill::Bias);
        vector("ffn_norm.bias", embedding, Fill::Bias);
    }
    if (shape.architecture == "gpt-oss") {
        vector("attn_output.bias", embedding, Fill::Bias);
        vector("attn_sinks.weight", shape.heads, Fill::Norm);
    }
    if (shape.architecture == "jais2") vector("attn_output.bias", embedding, Fill::Bias);
    if (shape.architecture == "qwen3" || shape.architecture == "qwen3moe") {
        vector("attn_q_norm.weight", width, Fill::Norm);
        vector("attn_k_norm.weight", width, Fill::Norm);
    }
    if (is_hybrid(shape)) return tensors;
    if (shape.architecture == "grok") {
        vector("attn_output_norm.weight", embedding, Fill::Norm);
        vector("layer_output_norm.weight", embedding, Fill::Norm);
    }
    vector(shape.architecture == "gpt-oss" ? "post_attention_norm.weight" : "ffn_norm.weight", embedding, Fill::Norm);
    if (shape.experts > 0 && layer >= shape.dense_layers) {
        for (Tensor& tensor : expert_tensors(shape, prefix)) tensors.push_back(std::move(tensor));
    } else {
        if (!has_squared_relu(shape)) matrix("ffn_gate", {embedding, hidden});
        matrix("ffn_down", {hidden, embedding});
        tensors.back().scale = shape.active > 0 ? residual : 1;
        matrix("ffn_up", {embedding, hidden});
        if (shape.active > 0) tensors.back().fill = Fill::SparseUp;
        if (shape.architecture == "jais2") {
            vector("ffn_up.bias", hidden, Fill::Bias);
            // So large that which neurons are active depends on it.
            tensors.back().scale = 5;
            vector("ffn_down.bias", embedding, Fill::Bias);
        }
    }
    return tensors;
}

}  // namespace

bool has_squared_relu(const Shape& shape) {
    const std::string& name = shape.architecture;
    return name == "arcee" || name == "nemotron" || name == "jais2" || name == "plm";
}

bool is_latent(const Shape& shape) { return shape.architecture == "plm"; }

bool is_hybrid(const Shape& shape) { return shape.architecture == "nemotron_h_moe"; }

HybridLayer hybrid_layer(uint32_t layer) {
    if (layer == 0) return HybridLayer::Recurrent;
    return layer % 2 == 1 ? HybridLayer::Experts : HybridLayer::Attention;
}

std::vector<Tensor> model_tensors(const Shape& shape, int64_t vocabulary) {
    const int64_t embedding = shape.embedding;
    std::vector<Tensor> tensors;
    tensors.push_back({"token_embd.weight",
                       {embedding, vocabulary},
                       shape.vocabulary_type,
                       shape.active > 0 ? Fill::SparseEmbedding : Fill::Matrix});
    for (uint32_t layer = 0; layer < shape.layers; layer++) {
        for (Tensor& tensor : layer_tensors(shape, layer)) tensors.push_back(std::move(tensor));
    }
    tensors.push_back({"output_norm.weight", {embedding}, GGML_TYPE_F32, Fill::Norm});
    if (has_norm_biases(shape)) tensors.push_back({"output_norm.bias", {embedding}, GGML_TYPE_F32, Fill::Bias});
    if (!shape.tied) {
        tensors.push_back({"output.weight",
                           {embedding, vocabulary},
                           shape.vocabulary_type,
                           shape.active > 0 ? Fill::SparseOutput : Fill::Matrix});
    }
    return tensors;
}

}  // namespace flint
