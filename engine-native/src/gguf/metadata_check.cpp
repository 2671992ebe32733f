#include "gguf/metadata_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <unordered_map>

#include "gguf/architectures.h"

namespace flash {
namespace {

/** LLAMA_MAX_LAYERS and LLAMA_MAX_EXPERTS of llama.cpp. */
constexpr uint64_t kMostLayers = 512;
constexpr uint64_t kMostExperts = 1024;

template <size_t Count>
bool is_one_of(const std::array<std::string_view, Count>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool ends_with(const std::string& name, std::string_view end) {
    return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

std::string shape_of(const TensorInfo& tensor) {
    std::string text = std::to_string(tensor.ne[0]);
    for (size_t i = 1; i < tensor.ne.size() && tensor.ne[i] != 1; i++) text += " x " + std::to_string(tensor.ne[i]);
    return text;
}

/** The tensors of a model, by name. */
class Tensors {
  public:
    explicit Tensors(const std::vector<TensorInfo>& tensors) {
        for (const TensorInfo& tensor : tensors) by_name_.emplace(tensor.name, &tensor);
    }

    const TensorInfo* find(const std::string& name) const {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : found->second;
    }
    const TensorInfo* in_layer(uint64_t layer, const char* role) const {
        return find("blk." + std::to_string(layer) + "." + role + ".weight");
    }
    /** The first whose name has this part. */
    const TensorInfo* with(std::string_view part) const {
        for (const auto& [name, tensor] : by_name_) {
            if (name.find(part) != std::string::npos) return tensor;
        }
        return nullptr;
    }

  private:
    std::unordered_map<std::string, const TensorInfo*> by_name_;
};

/** llama.cpp multiplies with them, or takes rows of them. */
bool is_matrix(const std::string& name) {
    if (name == "token_embd.weight" || name == "output.weight") return true;
    if (name.rfind("blk.", 0) != 0 || !ends_with(name, ".weight")) return false;
    return name.find(".attn_") != std::string::npos || name.find(".ffn_") != std::string::npos ||
           name.find(".ssm_in") != std::string::npos || name.find(".ssm_out") != std::string::npos;
}

/** ggml's operators for them take F32 alone. */
bool must_be_f32(const std::string& name) {
    return ends_with(name, "_norm.weight") || ends_with(name, ".bias") || ends_with(name, ".attn_sinks.weight") ||
           ends_with(name, ".ssm_a") || ends_with(name, ".ssm_d") || ends_with(name, ".ssm_conv1d.weight") ||
           name == "rope_freqs.weight";
}

void check_type(const TensorInfo& tensor) {
    if (tensor.type == GGML_TYPE_F32) return;
    const bool computable = ggml_get_type_traits(tensor.type)->to_float != nullptr;
    if (must_be_f32(tensor.name) || (!computable && is_matrix(tensor.name))) {
        throw Fault("has a tensor " + tensor.name + " of type " + ggml_type_name(tensor.type) +
                    ", which llama.cpp cannot compute with");
    }
}

/** The numbers that the checks share. */
struct Shape {
    uint64_t layers = 0;
    uint64_t embedding = 0;
    uint64_t experts = 0;
    uint64_t most_used = 0;  // experts, of any layer
    std::vector<uint64_t> heads;
    std::vector<uint64_t> kv_heads;
    std::vector<uint64_t> feed_forward;
    uint64_t key = 0;    // width of a head
    uint64_t value = 0;  // width of a head
};

uint64_t required(const Metadata& metadata, const char* key) {
    const auto value = metadata.count(key);
    if (!value) throw Fault("does not say its " + metadata.name(key));
    return *value;
}

uint64_t check_layers(const Metadata& metadata) {
    const uint64_t layers = required(metadata, "block_count");
    if (layers == 0 || layers > kMostLayers) {
        throw Fault("says that it has " + std::to_string(layers) + " layers (" + metadata.name("block_count") +
                    "), and llama.cpp takes 1 to " + std::to_string(kMostLayers));
    }
    const uint64_t predicting = metadata.count("nextn_predict_layers").value_or(0);
    if (predicting > layers)
        throw Fault("has " + std::to_string(layers) + " layers, but " +
                    value_is(metadata.name("nextn_predict_layers"), predicting));
    return layers;
}

void check_expert_groups(const Metadata& metadata, uint64_t experts) {
    const uint64_t groups = metadata.count("expert_group_count").value_or(0);
    const uint64_t used = metadata.count("expert_group_used_count").value_or(0);
    const std::string said = value_is(metadata.name("expert_group_count"), groups);
    if (groups > 0 && groups >= experts)
        throw Fault("has " + std::to_string(experts) + " experts, but " + said + ", which must be less");
    if (groups <= 1) return;
    if (experts % groups != 0)
        throw Fault("has " + std::to_string(experts) + " experts, but " + said + ", which does not divide them");
    if (used == 0 || used >= groups) {
        throw Fault("says that " + value_is(metadata.name("expert_group_used_count"), used) + ", but " + said);
    }
}

void check_experts(const Metadata& metadata, const Tensors& tensors, const std::vector<TensorInfo>& all, Shape& shape) {
    shape.experts = metadata.count("expert_count").value_or(0);
    const auto used = metadata.per_layer("expert_used_count", shape.layers);
    if (used) shape.most_used = *std::max_element(used->begin(), used->end());
    const std::string& architecture = metadata.architecture();
    // For these, one expert is none.
    if ((architecture == "hunyuan_vl" || architecture == "hunyuan-dense") && shape.experts <= 1) {
        shape.experts = shape.most_used = 0;
    }
    if (shape.experts > kMostExperts) {
        throw Fault("says that " + value_is(metadata.name("expert_count"), shape.experts) + ", and llama.cpp takes " +
                    std::to_string(kMostExperts));
    }
    if (shape.most_used > shape.experts || (shape.experts > 0 && shape.most_used == 0)) {
        throw Fault("has " + std::to_string(shape.experts) + " experts, but " +
                    value_is(metadata.name("expert_used_count"), shape.most_used));
    }
    check_expert_groups(metadata, shape.experts);
    for (const TensorInfo& tensor : all) {
        for (const char* role :
             {".ffn_gate_exps.weight", ".ffn_up_exps.weight", ".ffn_gate_up_exps.weight", ".ffn_down_exps.weight"}) {
            if (!ends_with(tensor.name, role) || static_cast<uint64_t>(tensor.ne[2]) == shape.experts) continue;
            throw Fault("has a tensor " + tensor.name + " of " + std::to_string(tensor.ne[2]) + " experts, but " +
                        value_is(metadata.name("expert_count"), shape.experts));
        }
    }
    const TensorInfo* down = tensors.with(".ffn_down_exps.weight");
    const int64_t width = gguf_find_key(metadata.header(), metadata.name("expert_feed_forward_length").c_str());
    if (down == nullptr || width < 0 || gguf_get_kv_type(metadata.header(), width) == GGUF_TYPE_ARRAY) return;
    if (*metadata.width("expert_feed_forward_length") > 0) return;
    // Some take a zero for "as wide as the feed-forward block's share".
    const uint64_t share = shape.feed_forward.front() / std::max<uint64_t>(1, shape.most_used);
    if (static_cast<uint64_t>(down->ne[0]) == share && architecture != "gpt-oss") return;
    throw Fault("says that " + value_is(metadata.name("expert_feed_forward_length"), 0) + ", but its experts are " +
                std::to_string(down->ne[0]) + " wide");
}

bool has_attention(const Tensors& tensors, uint64_t layer) {
    for (const char* role : {"attn_q", "attn_k", "attn_v"}) {
        if (tensors.in_layer(layer, role) != nullptr) return true;
    }
    return false;
}

void check_heads(const Metadata& metadata, const Tensors& tensors, const Shape& shape) {
    for (uint64_t layer = 0; layer < shape.layers; layer++) {
        if (!has_attention(tensors, layer) && tensors.in_layer(layer, "attn_qkv") == nullptr) continue;
        const uint64_t heads = shape.heads[layer];
        const uint64_t kv_heads = shape.kv_heads[layer];
        const std::string where = "in layer " + std::to_string(layer);
        if (heads == 0)
            throw Fault("has attention without heads " + where + " (" + metadata.name("attention.head_count") +
                        " is 0)");
        const bool keys = tensors.in_layer(layer, "attn_k") != nullptr;
        if (kv_heads == 0 ? keys : heads % kv_heads != 0) {
            throw Fault("has " + std::to_string(heads) + " heads " + where + ", but " +
                        value_is(metadata.name("attention.head_count_kv"), kv_heads) + ", which does not divide them");
        }
    }
}

/** Of a head: the widths of keys and values, and how much of it RoPE rotates. */
void check_head_widths(const Metadata& metadata, const Tensors& tensors, Shape& shape) {
    const uint64_t heads = shape.heads.front();
    if (heads == 0) return;
    const bool attends = has_attention(tensors, 0) || tensors.in_layer(0, "attn_qkv") != nullptr;
    const auto key = metadata.width("attention.key_length");
    if (!key && shape.embedding % heads != 0 && attends) {
        throw Fault("has " + std::to_string(heads) + " heads (" + metadata.name("attention.head_count") +
                    "), which do not divide its width of " + std::to_string(shape.embedding));
    }
    shape.key = key.value_or(shape.embedding / heads);
    shape.value = metadata.width("attention.value_length").value_or(shape.embedding / heads);
    if (attends && shape.key == 0)
        throw Fault("has keys of no width (" + metadata.name("attention.key_length") + " is 0)");
    if (attends && shape.value == 0)
        throw Fault("has values of no width (" + metadata.name("attention.value_length") + " is 0)");
    const auto count = metadata.width("rope.dimension_count");
    const uint64_t rotated = count.value_or(shape.key);
    const std::string said = value_is(metadata.name("rope.dimension_count"), rotated);
    if (rotated > shape.key || (count && rotated % 2 != 0)) {
        throw Fault("says that " + said + ", but its heads are " + std::to_string(shape.key) + " wide");
    }
    // Other widths in layers with a sliding window: the asserted ones may be theirs.
    for (const char* other : {"attention.key_length_swa", "attention.value_length_swa", "rope.dimension_count_swa"}) {
        if (metadata.width(other)) return;
    }
    const std::string& architecture = metadata.architecture();
    const HeadRule rule = *head_rule_of(architecture);
    // Their graphs count on it without a word.
    const bool whole = rule == HeadRule::WhollyRotated || architecture == "gpt-oss";
    if ((whole || rule == HeadRule::EqualKeysAndValues || architecture == "deepseek2-ocr") &&
        shape.key != shape.value) {
        throw Fault("says that " + value_is(metadata.name("attention.key_length"), shape.key) + ", but " +
                    value_is(metadata.name("attention.value_length"), shape.value));
    }
    if (whole && rotated != shape.key)
        throw Fault("says that " + said + ", but its heads are " + std::to_string(shape.key) + " wide");
    if (architecture == "deepseek2-ocr" && shape.key * heads != shape.embedding) {
        throw Fault("has " + std::to_string(heads) + " heads of " +
                    value_is(metadata.name("attention.key_length"), shape.key) + ", which do not make up its width");
    }
}

void check_feed_forward(const Metadata& metadata, const Tensors& tensors, const Shape& shape) {
    for (uint64_t layer = 0; layer < shape.layers; layer++) {
        if (shape.feed_forward[layer] > 0 || tensors.in_layer(layer, "ffn_down") == nullptr) continue;
        throw Fault("has a feed-forward block of no width in layer " + std::to_string(layer) + " (" +
                    metadata.name("feed_forward_length") + " is 0)");
    }
}

void check_reals(const Metadata& metadata) {
    for (const char* key :
         {"attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon", "attention.group_norm_epsilon",
          "rope.freq_base", "rope.freq_base_swa", "rope.scaling.factor", "rope.scale_linear"}) {
        const auto value = metadata.real(key);
        if (value && !(std::isfinite(*value) && *value >= 0))
            throw Fault("has a " + metadata.name(key) + " of " + std::to_string(*value));
    }
    // A rotation with base 0 makes every angle infinite, and with it every number that follows.
    if (metadata.real("rope.freq_base") == 0.0f) throw Fault("has a " + metadata.name("rope.freq_base") + " of 0");
    if (metadata.architecture() == "deepseek2-ocr" && metadata.real("rope.freq_base").value_or(10000) != 10000)
        throw Fault("has a " + metadata.name("rope.freq_base") + " that is not 10000");
    constexpr std::array<std::string_view, 4> kScalings = {"none", "linear", "yarn", "longrope"};
    const auto scaling = metadata.text(metadata.name("rope.scaling.type"));
    if (scaling && !is_one_of(kScalings, *scaling))
        throw Fault("has the unknown " + metadata.name("rope.scaling.type") + " \"" + *scaling + "\"");
}

/** Of recurrent layers and latent attention: widths that are there, if only as zeros. */
void check_other_widths(const Metadata& metadata, const Tensors& tensors) {
    const auto refuse_zero = [&](const char* key) {
        if (metadata.width(key) == uint64_t{0}) throw Fault("says that " + value_is(metadata.name(key), 0));
    };
    if (tensors.with(".attn_kv_a_mqa.") != nullptr) refuse_zero("attention.kv_lora_rank");
    if (tensors.with(".attn_q_a.") != nullptr) refuse_zero("attention.q_lora_rank");
    if (tensors.with(".ssm_") == nullptr) return;
    for (const char* key : {"ssm.conv_kernel", "ssm.inner_size", "ssm.state_size", "ssm.time_step_rank"})
        refuse_zero(key);
    constexpr std::array<std::string_view, 8> kGrouped = {"mamba2",    "nemotron_h", "nemotron_h_moe", "granitehybrid",
                                                          "falcon-h1", "qwen3next",  "qwen35",         "qwen35moe"};
    if (!is_one_of(kGrouped, metadata.architecture())) return;
    refuse_zero("ssm.group_count");
    const uint64_t groups = metadata.width("ssm.group_count").value_or(1);
    const uint64_t heads = metadata.width("ssm.time_step_rank").value_or(groups);
    const uint64_t inner = metadata.width("ssm.inner_size").value_or(heads);
    if (heads % groups == 0 && inner % heads == 0 && inner % groups == 0) return;
    throw Fault("has recurrent layers whose numbers do not divide each other: " +
                value_is(metadata.name("ssm.inner_size"), inner) + ", " +
                value_is(metadata.name("ssm.time_step_rank"), heads) + ", " +
                value_is(metadata.name("ssm.group_count"), groups));
}

/** Of the architectures that have plain layers, whose shapes follow from the header: the ones that people use most. */
constexpr std::array<std::string_view, 8> kPlain = {"llama",    "qwen2", "qwen3",    "qwen3moe",
                                                    "mistral3", "arcee", "nemotron", "smollm3"};

void check_shape(const Tensors& tensors, const std::string& name, uint64_t row, uint64_t rows, bool is_optional) {
    const TensorInfo* tensor = tensors.find(name);
    if (tensor == nullptr) {
        if (is_optional) return;
        throw Fault("has no tensor " + name);
    }
    if (static_cast<uint64_t>(tensor->ne[0]) == row && static_cast<uint64_t>(tensor->ne[1]) == rows &&
        tensor->ne[2] == 1)
        return;
    throw Fault("has a tensor " + name + " of " + shape_of(*tensor) + ", but its header makes that " +
                std::to_string(row) + (rows == 1 ? "" : " x " + std::to_string(rows)));
}

void check_plain_layers(const Metadata& metadata, const Tensors& tensors, const Shape& shape, uint64_t vocabulary) {
    if (!is_one_of(kPlain, metadata.architecture())) return;
    check_shape(tensors, "token_embd.weight", shape.embedding, vocabulary, false);
    check_shape(tensors, "output_norm.weight", shape.embedding, 1, false);
    check_shape(tensors, "output.weight", shape.embedding, vocabulary, true);
    for (uint64_t layer = 0; layer < shape.layers; layer++) {
        const std::string prefix = "blk." + std::to_string(layer) + ".";
        const auto check = [&](const char* role, uint64_t row, uint64_t rows, bool is_optional = false) {
            check_shape(tensors, prefix + role + ".weight", row, rows, is_optional);
        };
        const uint64_t queries = shape.key * shape.heads[layer];
        const uint64_t keys = shape.key * shape.kv_heads[layer];
        const uint64_t values = shape.value * shape.kv_heads[layer];
        const bool merged = tensors.in_layer(layer, "attn_qkv") != nullptr;
        check("attn_norm", shape.embedding, 1);
        check("attn_qkv", shape.embedding, queries + keys + values, true);
        check("attn_q", shape.embedding, queries, merged);
        check("attn_k", shape.embedding, keys, merged);
        check("attn_v", shape.embedding, values, merged);
        check("attn_output", queries, shape.embedding);
        const bool experts = tensors.in_layer(layer, "ffn_down_exps") != nullptr || shape.experts > 0;
        check("ffn_norm", shape.embedding, 1);
        check("ffn_gate", shape.embedding, shape.feed_forward[layer], true);
        check("ffn_up", shape.embedding, shape.feed_forward[layer], experts);
        check("ffn_down", shape.feed_forward[layer], shape.embedding, experts);
    }
}

void check(const Metadata& metadata, const std::vector<TensorInfo>& all) {
    const std::string& architecture = metadata.architecture();
    if (architecture == "clip") throw Fault("is the part of another model that reads pictures (mmproj)");
    if (!head_rule_of(architecture))
        throw Fault("has the architecture \"" + architecture + "\", which llama.cpp does not know");
    const Tensors tensors(all);
    Shape shape;
    metadata.text("general.name");
    if (required(metadata, "context_length") == 0)
        throw Fault("says that " + value_is(metadata.name("context_length"), 0));
    shape.layers = check_layers(metadata);
    shape.embedding = required(metadata, "embedding_length");
    metadata.width("embedding_length");
    if (shape.embedding == 0) throw Fault("says that " + value_is(metadata.name("embedding_length"), 0));
    const auto zeros = std::vector<uint64_t>(shape.layers, 0);
    shape.feed_forward = metadata.per_layer("feed_forward_length", shape.layers).value_or(zeros);
    shape.heads = metadata.per_layer("attention.head_count", shape.layers).value_or(zeros);
    shape.kv_heads = metadata.per_layer("attention.head_count_kv", shape.layers).value_or(shape.heads);
    check_experts(metadata, tensors, all, shape);
    check_heads(metadata, tensors, shape);
    check_head_widths(metadata, tensors, shape);
    check_feed_forward(metadata, tensors, shape);
    check_reals(metadata);
    check_other_widths(metadata, tensors);
    const uint64_t vocabulary = check_tokenizer(metadata);
    check_plain_layers(metadata, tensors, shape, vocabulary);
    for (const TensorInfo& tensor : all) check_type(tensor);
}

}  // namespace

std::optional<std::string> metadata_fault(const gguf_context* header, const std::string& architecture,
                                          const std::vector<TensorInfo>& tensors) {
    try {
        check(Metadata(header, architecture), tensors);
        return std::nullopt;
    } catch (const Fault& fault) {
        return fault.what();
    }
}

}  // namespace flash
