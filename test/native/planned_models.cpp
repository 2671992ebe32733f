#include "planned_models.h"

namespace flint {

using flash::Model;
using flash::Placement;
using flash::Plan;
using flash::TensorInfo;
using flash::Use;

namespace {

void set_kv(Model& model, uint64_t layers, uint64_t bytes) {
    model.layer_kv_bytes.assign(layers, bytes);
    model.kv_bytes_per_token = layers * bytes;
}

}  // namespace

void add_tensor(Model& model, const std::string& name, ggml_type type, int64_t width, int64_t rows, int64_t depth) {
    TensorInfo tensor{};
    tensor.name = name;
    tensor.type = type;
    tensor.ne = {width, rows, depth, 1};
    tensor.offset = model.tensors.empty() ? 4096 : model.tensors.back().offset + model.tensors.back().size;
    tensor.size = ggml_row_size(type, width) * static_cast<uint64_t>(rows * depth);
    tensor.use = name == "token_embd.weight" ? Use::Rows : Use::Multiply;
    model.tensors.push_back(tensor);
}

Model dense_model() {
    Model model;
    model.files = {"model.gguf"};
    model.architecture = "llama";
    model.metadata_bytes = 1'000'000;
    model.trained_context = 2048;
    model.embedding = 2048;
    model.feed_forward = 5632;
    model.vocabulary = 32000;
    set_kv(model, 22, 2 * 2 * 2048);
    add_tensor(model, "token_embd.weight", GGML_TYPE_Q4_0, 2048, 32000);
    for (int layer = 0; layer < 22; layer++) {
        const std::string prefix = "blk." + std::to_string(layer) + ".";
        add_tensor(model, prefix + "attn_norm.weight", GGML_TYPE_F32, 2048, 1);
        add_tensor(model, prefix + "attn_q.weight", GGML_TYPE_Q4_0, 2048, 2048);
        add_tensor(model, prefix + "attn_k.weight", GGML_TYPE_Q4_0, 2048, 2048);
        add_tensor(model, prefix + "attn_v.weight", GGML_TYPE_Q4_0, 2048, 2048);
        add_tensor(model, prefix + "attn_output.weight", GGML_TYPE_Q4_0, 2048, 2048);
        add_tensor(model, prefix + "ffn_norm.weight", GGML_TYPE_F32, 2048, 1);
        add_tensor(model, prefix + "ffn_gate.weight", GGML_TYPE_Q4_0, 2048, 5632);
        add_tensor(model, prefix + "ffn_down.weight", GGML_TYPE_Q4_0, 5632, 2048);
        add_tensor(model, prefix + "ffn_up.weight", GGML_TYPE_Q4_0, 2048, 5632);
    }
    add_tensor(model, "output_norm.weight", GGML_TYPE_F32, 2048, 1);
    add_tensor(model, "output.weight", GGML_TYPE_Q6_K, 2048, 32000);
    return model;
}

Model moe_model() {
    Model model;
    model.files = {"model.gguf"};
    model.architecture = "qwen3moe";
    model.metadata_bytes = 1'000'000;
    model.trained_context = 2048;
    model.embedding = 1024;
    model.feed_forward = 4 * 768;
    model.vocabulary = 32000;
    model.experts_used = 4;
    model.used_expert_share = 4.0 / 32;
    set_kv(model, 12, 2 * 2 * 512);
    add_tensor(model, "token_embd.weight", GGML_TYPE_Q4_0, 1024, 32000);
    for (int layer = 0; layer < 12; layer++) {
        const std::string prefix = "blk." + std::to_string(layer) + ".";
        add_tensor(model, prefix + "attn_norm.weight", GGML_TYPE_F32, 1024, 1);
        add_tensor(model, prefix + "attn_q.weight", GGML_TYPE_Q8_0, 1024, 2048);
        add_tensor(model, prefix + "attn_k.weight", GGML_TYPE_Q8_0, 1024, 512);
        add_tensor(model, prefix + "attn_v.weight", GGML_TYPE_Q8_0, 1024, 512);
        add_tensor(model, prefix + "attn_output.weight", GGML_TYPE_Q8_0, 2048, 1024);
        add_tensor(model, prefix + "ffn_norm.weight", GGML_TYPE_F32, 1024, 1);
        add_tensor(model, prefix + "ffn_gate_inp.weight", GGML_TYPE_F32, 1024, 32);
        add_tensor(model, prefix + "ffn_gate_exps.weight", GGML_TYPE_Q8_0, 1024, 768, 32);
        add_tensor(model, prefix + "ffn_up_exps.weight", GGML_TYPE_Q8_0, 1024, 768, 32);
        add_tensor(model, prefix + "ffn_down_exps.weight", GGML_TYPE_Q8_0, 768, 1024, 32);
    }
    add_tensor(model, "output_norm.weight", GGML_TYPE_F32, 1024, 1);
    add_tensor(model, "output.weight", GGML_TYPE_Q6_K, 1024, 32000);
    return model;
}

uint64_t total_bytes(const Model& model) {
    uint64_t sum = 0;
    for (const TensorInfo& tensor : model.tensors) sum += tensor.size;
    return sum;
}

uint64_t sum_of(const Model& model, const Plan& plan, Placement placement) {
    uint64_t sum = 0;
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (plan.placement[i] == placement) sum += model.tensors[i].size;
    }
    return sum;
}

}  // namespace flint
