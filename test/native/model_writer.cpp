#include "model_writer.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "gguf.h"
#include "model_tensors.h"
#include "random.h"
#include "sparse_rows.h"

namespace flint {
namespace {

using Header = std::unique_ptr<gguf_context, decltype(&gguf_free)>;
using Context = std::unique_ptr<ggml_context, decltype(&ggml_free)>;
using File = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

constexpr const char* kMerges = "tokenizer.ggml.merges";

void check(const Shape& shape) {
    const std::vector<std::string> known = {"llama", "qwen2", "qwen3", "arcee", "nemotron", "jais2", "plm"};
    const std::vector<std::string> with_experts = {"qwen3moe",      "gpt-oss", "smallthinker",
                                                   "deepseek2-ocr", "grok",    "nemotron_h_moe"};
    const auto is_one_of = [&](const std::vector<std::string>& names) {
        return std::find(names.begin(), names.end(), shape.architecture) != names.end();
    };
    const auto require = [](bool condition, const std::string& message) {
        if (!condition) throw std::runtime_error(message);
    };
    require(is_one_of(known) || is_one_of(with_experts), "unknown architecture " + shape.architecture);
    require(shape.layers > 0 && shape.embedding > 0 && shape.feed_forward > 0, "layers, embd and ff must be above 0");
    require(shape.heads > 0 && shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0,
            "heads must be a multiple of kv-heads");
    require(shape.head_width > 0 && shape.head_width % 2 == 0, "embd must be an even multiple of heads");
    require((shape.experts > 0) == is_one_of(with_experts) || shape.architecture == "llama",
            shape.architecture + (shape.experts > 0 ? " has no experts" : " must have experts"));
    require((shape.dense_layers == 0 && !shape.merged) || shape.architecture == "deepseek2-ocr",
            "dense layers and merged tensors are for deepseek2-ocr");
    require(shape.architecture == "deepseek2-ocr" || (shape.shared_experts > 0) == is_hybrid(shape),
            "shared experts are for deepseek2-ocr, and for nemotron_h_moe, which needs some");
    require(shape.tied || !is_latent(shape), shape.architecture + " must be tied");
    require(!is_latent(shape) || shape.kv_heads == shape.heads, shape.architecture + " has as many kv-heads as heads");
    require(shape.active < 100 && (shape.active == 0 || (has_squared_relu(shape) && !shape.tied)),
            "active is for arcee, nemotron and jais2, untied, and below 100");
    require(shape.experts_used <= shape.experts && (shape.experts_used > 0) == (shape.experts > 0),
            "experts-used must be from 1 to experts");
}

/** Keeps the first `count` tokens. For tokenizers without merges, where no token is made of others. */
void cut_vocabulary(gguf_context* header, size_t count) {
    std::vector<std::string> copies;
    for (int64_t i = 0; i < gguf_get_n_kv(header); i++) {
        if (gguf_get_kv_type(header, i) == GGUF_TYPE_ARRAY) copies.emplace_back(gguf_get_key(header, i));
    }
    for (const std::string& key : copies) {
        const int64_t id = gguf_find_key(header, key.c_str());
        const gguf_type type = gguf_get_arr_type(header, id);
        if (type == GGUF_TYPE_STRING) {
            std::vector<std::string> texts;
            for (size_t i = 0; i < count; i++) texts.emplace_back(gguf_get_arr_str(header, id, i));
            std::vector<const char*> pointers;
            for (const std::string& text : texts) pointers.push_back(text.c_str());
            gguf_set_arr_str(header, key.c_str(), pointers.data(), count);
        } else {  // scores and kinds of tokens: both have four bytes
            const auto* data = static_cast<const uint32_t*>(gguf_get_arr_data(header, id));
            const std::vector<uint32_t> kept(data, data + count);
            gguf_set_arr_data(header, key.c_str(), type, kept.data(), count);
        }
    }
}

/** Only the keys that this model has: of the vocabulary file its tokenizer. */
Header make_header(const Shape& shape, const gguf_context* vocabulary) {
    Header header(gguf_init_empty(), &gguf_free);
    gguf_set_kv(header.get(), vocabulary);
    for (int64_t i = gguf_get_n_kv(header.get()) - 1; i >= 0; i--) {
        const std::string key = gguf_get_key(header.get(), i);
        if (key.rfind("tokenizer.", 0) != 0) gguf_remove_key(header.get(), key.c_str());
    }
    if (shape.vocabulary > 0) cut_vocabulary(header.get(), shape.vocabulary);
    const auto number = [&](const char* name, uint32_t value) {
        gguf_set_val_u32(header.get(), (shape.architecture + "." + name).c_str(), value);
    };
    gguf_set_val_str(header.get(), "general.architecture", shape.architecture.c_str());
    gguf_set_val_str(header.get(), "general.name", "Synthetic");
    gguf_set_val_u32(header.get(), "general.quantization_version", GGML_QNT_VERSION);
    number("block_count", shape.layers);
    number("context_length", shape.context);
    number("embedding_length", shape.embedding);
    if (is_hybrid(shape)) {
        std::vector<uint32_t> lengths;
        std::vector<uint32_t> kv_heads;
        for (uint32_t layer = 0; layer < shape.layers; layer++) {
            lengths.push_back(hybrid_layer(layer) == HybridLayer::Experts ? shape.feed_forward : 0);
            kv_heads.push_back(hybrid_layer(layer) == HybridLayer::Attention ? shape.kv_heads : 0);
        }
        const auto numbers = [&](const char* name, const std::vector<uint32_t>& values) {
            gguf_set_arr_data(header.get(), (shape.architecture + "." + name).c_str(), GGUF_TYPE_UINT32, values.data(),
                              values.size());
        };
        numbers("feed_forward_length", lengths);
        numbers("attention.head_count_kv", kv_heads);
        number("ssm.conv_kernel", kConvolution);
        number("ssm.inner_size", shape.embedding);
        number("ssm.state_size", kStates);
        number("ssm.time_step_rank", shape.heads);
        number("ssm.group_count", kGroups);
    } else {
        number("feed_forward_length", shape.feed_forward);
        number("attention.head_count_kv", shape.kv_heads);
    }
    number("attention.head_count", shape.heads);
    number("attention.key_length", shape.head_width + (is_latent(shape) ? rotated_width(shape) : 0));
    number("attention.value_length", shape.head_width);
    number("rope.dimension_count", is_latent(shape) ? rotated_width(shape) : shape.head_width);
    if (is_latent(shape)) number("attention.kv_lora_rank", latent_width(shape));
    for (const char* name : {".attention.layer_norm_rms_epsilon", ".attention.layer_norm_epsilon"}) {
        gguf_set_val_f32(header.get(), (shape.architecture + name).c_str(), 1e-5F);
    }
    gguf_set_val_f32(header.get(), (shape.architecture + ".rope.freq_base").c_str(), 10000.0F);
    if (shape.experts > 0) {
        number("expert_count", shape.experts);
        number("expert_used_count", shape.experts_used);
        number("expert_feed_forward_length", shape.feed_forward);
        if (shape.architecture == "gpt-oss") number("attention.sliding_window", 128);
        if (shape.architecture == "smallthinker") number("expert_gating_func", 2);  // sigmoid
        if (is_hybrid(shape)) number("expert_shared_feed_forward_length", shape.feed_forward * shape.shared_experts);
        if (shape.architecture == "deepseek2-ocr") {
            number("leading_dense_block_count", shape.dense_layers);
            number("expert_shared_count", shape.shared_experts);
        }
    }
    return header;
}

/** Rows of random weights, in the bytes of their type. */
class Rows {
  public:
    explicit Rows(const Shape& shape) : random_(shape.seed) {
        if (shape.active > 0) sparse_.emplace(shape.embedding, shape.active / 100.0, random_);
    }

    /** Before the rows of a tensor. */
    void begin(const Tensor& tensor) {
        if (tensor.fill == Fill::SparseUp) sparse_->begin_layer();
    }

    /** The next row of a tensor like this. Valid until the next call. */
    const std::vector<uint8_t>& next(const Tensor& tensor) {
        if (tensor.fill != Fill::Matrix && tensor.fill != Fill::SparseOutput) return row_ = make(tensor);
        auto& pool = pools_[{tensor.type, tensor.ne[0], tensor.scale, tensor.fill}];
        const bool in_layer = tensor.name.rfind("blk.", 0) == 0;
        const uint64_t weights = in_layer ? kDistinctLayerWeights : kDistinctTokenWeights;
        const auto most = std::max(kFewestDistinctRows, weights / static_cast<uint64_t>(tensor.ne[0]));
        if (pool.size() >= most) return pool[random_.below(pool.size())];
        return pool.emplace_back(make(tensor));
    }

  private:
    // Some types take a second to quantize a million weights.
    static constexpr uint64_t kDistinctLayerWeights = 250'000;
    static constexpr uint64_t kFewestDistinctRows = 64;
    // Tokens whose rows are alike would be as likely as each other.
    static constexpr uint64_t kDistinctTokenWeights = 16'000'000;

    std::vector<uint8_t> make(const Tensor& tensor) {
        const int64_t width = tensor.ne[0];
        weights_.resize(static_cast<size_t>(width));
        fill(tensor);
        std::vector<uint8_t> bytes(ggml_row_size(tensor.type, width));
        // Some types cannot do without an importance of each column: all are equal here.
        importance_.assign(static_cast<size_t>(ggml_quantize_requires_imatrix(tensor.type) ? width : 0), 1.0F);
        ggml_quantize_chunk(tensor.type, weights_.data(), bytes.data(), 0, 1, width,
                            importance_.empty() ? nullptr : importance_.data());
        return bytes;
    }

    void fill(const Tensor& tensor) {
        if (tensor.fill == Fill::SparseEmbedding) return sparse_->embedding(weights_);
        if (tensor.fill == Fill::SparseUp) return sparse_->up(weights_);
        for (float& weight : weights_) {
            const float normal = random_.normal();
            if (tensor.fill == Fill::Norm) {
                weight = 1.0F + 0.1F * normal;
            } else {
                weight = tensor.fill == Fill::Bias
                             ? 0.1F * tensor.scale * normal
                             : tensor.scale * normal / std::sqrt(static_cast<float>(weights_.size()));
            }
        }
        if (tensor.fill == Fill::SparseOutput) sparse_->output(weights_);
    }

    Random random_;
    std::optional<SparseRows> sparse_;
    std::map<std::tuple<ggml_type, int64_t, float, Fill>, std::vector<std::vector<uint8_t>>> pools_;
    std::vector<uint8_t> row_;
    std::vector<float> weights_;
    std::vector<float> importance_;
};

void write_bytes(std::FILE* file, const void* data, size_t size) {
    if (size > 0 && std::fwrite(data, 1, size, file) != size) throw std::runtime_error(std::strerror(errno));
}

void write_tensor(std::FILE* file, const Tensor& tensor, size_t alignment, Rows& rows) {
    int64_t count = 1;
    for (size_t i = 1; i < tensor.ne.size(); i++) count *= tensor.ne[i];
    size_t written = 0;
    rows.begin(tensor);
    for (int64_t i = 0; i < count; i++) {
        const std::vector<uint8_t>& row = rows.next(tensor);
        write_bytes(file, row.data(), row.size());
        written += row.size();
    }
    const std::vector<uint8_t> padding(GGML_PAD(written, alignment) - written);
    write_bytes(file, padding.data(), padding.size());
}

void write_file(const gguf_context* header, const std::vector<Tensor>& tensors, const Shape& shape,
                const std::string& path) {
    File file(std::fopen(path.c_str(), "wb"), &std::fclose);
    if (!file) throw std::runtime_error(std::strerror(errno));
    std::vector<char> buffer(1U << 20);
    std::setvbuf(file.get(), buffer.data(), _IOFBF, buffer.size());
    if (!gguf_write_to_file_ptr(header, file.get(), true)) throw std::runtime_error(std::strerror(errno));
    Rows rows(shape);
    for (const Tensor& tensor : tensors) write_tensor(file.get(), tensor, gguf_get_alignment(header), rows);
    // The buffer outlives the file, and a disk that is full may say so only now.
    if (std::fclose(file.release()) != 0) throw std::runtime_error(std::strerror(errno));
}

}  // namespace

void write_model(const Shape& wanted, const std::string& vocabulary_path, const std::string& path) {
    Shape shape = wanted;
    if (shape.head_width == 0 && shape.heads > 0 && shape.embedding % shape.heads == 0) {
        shape.head_width = shape.embedding / shape.heads;
    }
    check(shape);
    const Header vocabulary(gguf_init_from_file(vocabulary_path.c_str(), gguf_init_params{true, nullptr}), &gguf_free);
    const int64_t tokens = vocabulary ? gguf_find_key(vocabulary.get(), "tokenizer.ggml.tokens") : -1;
    if (tokens < 0) throw std::runtime_error(vocabulary_path + " is not a GGUF file with a vocabulary");

    const size_t all_tokens = gguf_get_arr_n(vocabulary.get(), tokens);
    if (shape.vocabulary > 0 && (shape.vocabulary > all_tokens || gguf_find_key(vocabulary.get(), kMerges) >= 0)) {
        throw std::runtime_error("this vocabulary cannot be cut to " + std::to_string(shape.vocabulary) + " tokens");
    }
    const std::vector<Tensor> tensors =
        model_tensors(shape, shape.vocabulary > 0 ? shape.vocabulary : static_cast<int64_t>(all_tokens));
    const Context context(ggml_init({tensors.size() * ggml_tensor_overhead(), nullptr, true}), &ggml_free);
    const Header header = make_header(shape, vocabulary.get());
    for (const Tensor& tensor : tensors) {
        if (tensor.ne[0] % ggml_blck_size(tensor.type) != 0) {
            throw std::runtime_error("rows of " + tensor.name + " are no multiple of the blocks of " +
                                     ggml_type_name(tensor.type));
        }
        ggml_tensor* info =
            ggml_new_tensor(context.get(), tensor.type, static_cast<int>(tensor.ne.size()), tensor.ne.data());
        ggml_set_name(info, tensor.name.c_str());
        gguf_add_tensor(header.get(), info);
    }
    const std::string temporary = path + ".part";
    try {
        write_file(header.get(), tensors, shape, temporary);
        std::filesystem::rename(temporary, path);
    } catch (const std::exception& error) {
        std::error_code ignored;
        std::filesystem::remove(temporary, ignored);
        throw std::runtime_error("cannot write " + path + ": " + error.what());
    }
    ggml_quantize_free();
}

ggml_type parse_type(const std::string& name) {
    const auto lower = [](std::string text) {
        std::transform(text.begin(), text.end(), text.begin(),
                       [](char letter) { return static_cast<char>(std::tolower(static_cast<unsigned char>(letter))); });
        return text;
    };
    for (int i = 0; i < GGML_TYPE_COUNT; i++) {
        const auto type = static_cast<ggml_type>(i);
        const char* known = ggml_type_name(type);
        if (known != nullptr && ggml_blck_size(type) > 0 && lower(known) == lower(name)) return type;
    }
    throw std::runtime_error("unknown type " + name);
}

}  // namespace flint
