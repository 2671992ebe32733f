#include "gguf/model.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "gguf.h"
#include "gguf/header.h"
#include "gguf/metadata_check.h"
#include "platform/files.h"

namespace flash {
namespace {

using Header = std::unique_ptr<gguf_context, decltype(&gguf_free)>;

Error not_a_model(const std::string& path, const std::string& why) {
    return Error{FLASH_NOT_A_MODEL, path + " " + why};
}

/** The size of a regular file that begins as a GGUF does. */
Result<uint64_t> check_file(const std::string& path) {
    const std::filesystem::path file_path = native_path(path);
    std::error_code error;
    const std::filesystem::file_type type = std::filesystem::status(file_path, error).type();
    if (type == std::filesystem::file_type::not_found) return not_a_model(path, "does not exist. Check the path.");
    if (type == std::filesystem::file_type::directory)
        return not_a_model(path, "is a folder. Name a .gguf file in it.");
    if (!error && type != std::filesystem::file_type::regular)
        return not_a_model(path, "is not a regular file. Name a .gguf file.");
    const uint64_t size = error ? 0 : std::filesystem::file_size(file_path, error);
    if (error) return not_a_model(path, "cannot be opened: " + error.message());
    if (size == 0) return not_a_model(path, "is empty. Download it again.");

    const FileStream file = open_file(path, "rb");
    if (!file) return not_a_model(path, std::string("cannot be opened: ") + std::strerror(errno));
    char magic[4] = {};
    const size_t count = std::fread(magic, 1, sizeof magic, file.get());
    if (count < sizeof magic || std::memcmp(magic, "GGUF", sizeof magic) != 0) {
        std::string begin;
        for (size_t i = 0; i < count; i++) begin += magic[i] >= ' ' && magic[i] <= '~' ? magic[i] : '.';
        return not_a_model(path, "is not a GGUF model (it begins with \"" + begin + "\"). Download it again.");
    }
    return size;
}

Result<Header> read_header(const std::string& path, uint64_t file_bytes) {
    if (const auto fault = header_fault(path, file_bytes)) {
        return not_a_model(path, "is not a usable GGUF model: " + *fault + ". Download it again.");
    }
    Header header(gguf_init_from_file(path.c_str(), gguf_init_params{true, nullptr}), &gguf_free);
    if (!header) return not_a_model(path, "has a damaged or cut GGUF header. Download it again.");
    return header;
}

/** Far beyond any model, small enough that the products the plan makes of them cannot overflow. */
constexpr uint64_t kMostLayers = 1U << 16;
constexpr uint64_t kWidest = 1U << 24;

std::optional<uint64_t> any_integer(const gguf_context* header, int64_t key) {
    switch (gguf_get_kv_type(header, key)) {
        case GGUF_TYPE_UINT8:
            return gguf_get_val_u8(header, key);
        case GGUF_TYPE_UINT16:
            return gguf_get_val_u16(header, key);
        case GGUF_TYPE_UINT32:
            return gguf_get_val_u32(header, key);
        case GGUF_TYPE_UINT64:
            return gguf_get_val_u64(header, key);
        case GGUF_TYPE_INT32:
            return std::max<int32_t>(0, gguf_get_val_i32(header, key));
        case GGUF_TYPE_INT64:
            return std::max<int64_t>(0, gguf_get_val_i64(header, key));
        default:
            return std::nullopt;
    }
}

std::optional<uint64_t> scalar(const gguf_context* header, int64_t key) {
    const auto value = any_integer(header, key);
    return value ? std::optional(std::min(*value, kWidest)) : std::nullopt;
}

/** One value for each layer: some architectures give an array, most a single number. */
std::vector<uint64_t> per_layer(const gguf_context* header, const std::string& name, uint64_t layers,
                                uint64_t fallback) {
    const int64_t key = gguf_find_key(header, name.c_str());
    std::vector<uint64_t> values(layers, fallback);
    if (key < 0) return values;
    if (gguf_get_kv_type(header, key) == GGUF_TYPE_ARRAY) {
        const gguf_type type = gguf_get_arr_type(header, key);
        if (type != GGUF_TYPE_INT32 && type != GGUF_TYPE_UINT32) return values;
        const auto* data = static_cast<const int32_t*>(gguf_get_arr_data(header, key));
        const size_t count = std::min<size_t>(layers, gguf_get_arr_n(header, key));
        for (size_t i = 0; i < count; i++)
            values[i] = std::min(static_cast<uint64_t>(std::max<int32_t>(0, data[i])), kWidest);
    } else if (const auto value = scalar(header, key)) {
        std::fill(values.begin(), values.end(), *value);
    }
    return values;
}

/**
 * llama.cpp's graph of PLM (v0.5.0) gives the values of all heads as one row, which its cache takes for one head of
 * many where it does not transpose them: with flash attention it aborts as soon as there is more than one token.
 */
bool takes_flash_attention(const std::string& architecture) { return architecture != "plm"; }

/** The paths of all parts: llama.cpp names them NAME-00001-of-00003.gguf. */
Result<std::vector<std::string>> part_paths(const gguf_context* header, const std::string& path) {
    const int64_t key = gguf_find_key(header, "split.count");
    const uint64_t count = key < 0 ? 0 : scalar(header, key).value_or(0);
    if (count <= 1) return std::vector<std::string>{path};
    constexpr uint64_t kMostParts = 99999;  // five digits in the name
    char suffix[32];
    std::snprintf(suffix, sizeof suffix, "-%05u-of-%05u.gguf", 1U, static_cast<unsigned>(std::min(count, kMostParts)));
    const size_t length = std::strlen(suffix);
    if (count > kMostParts || path.size() < length || path.compare(path.size() - length, length, suffix) != 0) {
        return not_a_model(path,
                           "is a part of a split model. Name the part that ends with \"" + std::string(suffix) + "\".");
    }
    std::vector<std::string> paths;
    for (unsigned i = 1; i <= count; i++) {
        std::snprintf(suffix, sizeof suffix, "-%05u-of-%05u.gguf", i, static_cast<unsigned>(count));
        paths.push_back(path.substr(0, path.size() - length) + suffix);
    }
    return paths;
}

Use use_of(const std::string& name) {
    return name == "token_embd.weight" || name == "per_layer_token_embd.weight" ? Use::Rows : Use::Multiply;
}

std::optional<Error> add_tensors(const gguf_context* header, uint64_t file_size, Model& model) {
    const std::string& path = model.files.back();
    const uint64_t data = gguf_get_data_offset(header);
    for (int64_t i = 0; i < gguf_get_n_tensors(header); i++) {
        TensorInfo tensor{gguf_get_tensor_name(header, i),
                          gguf_get_tensor_type(header, i),
                          {},
                          static_cast<uint32_t>(model.files.size() - 1),
                          0,
                          gguf_get_tensor_size(header, i),
                          use_of(gguf_get_tensor_name(header, i))};
        std::copy_n(gguf_get_tensor_ne(header, i), GGML_MAX_DIMS, tensor.ne.begin());
        uint64_t end = 0;
        if (!checked_add(data, gguf_get_tensor_offset(header, i), tensor.offset) ||
            !checked_add(tensor.offset, tensor.size, end) || end > file_size) {
            return not_a_model(path, "is cut short: it has " + std::to_string(file_size) + " bytes, its tensor " +
                                         tensor.name + " ends at byte " + std::to_string(end) + ". Download it again.");
        }
        model.tensors.push_back(std::move(tensor));
    }
    return std::nullopt;
}

std::optional<Error> add_shape(const gguf_context* header, Model& model) {
    const int64_t key = gguf_find_key(header, "general.architecture");
    if (key < 0 || gguf_get_kv_type(header, key) != GGUF_TYPE_STRING) {
        return not_a_model(model.files.front(),
                           "names no architecture. It may be an adapter or a vocabulary, not a model.");
    }
    model.architecture = gguf_get_val_str(header, key);
    model.metadata_bytes = gguf_get_meta_size(header);
    const auto number = [&](const char* name, uint64_t fallback) {
        const int64_t id = gguf_find_key(header, (model.architecture + "." + name).c_str());
        return id < 0 ? fallback : scalar(header, id).value_or(fallback);
    };
    const uint64_t layers = std::min(number("block_count", 0), kMostLayers);
    const uint64_t experts = number("expert_count", 0);
    const uint64_t used = std::min(number("expert_used_count", experts), experts);
    model.experts_used = used;
    if (experts > 0) model.used_expert_share = static_cast<double>(used) / static_cast<double>(experts);
    model.trained_context = number("context_length", 0);
    model.embedding = number("embedding_length", 0);
    const auto heads = per_layer(header, model.architecture + ".attention.head_count", layers, 0);
    const auto feed_forward = per_layer(header, model.architecture + ".feed_forward_length", layers, 0);
    if (!feed_forward.empty()) model.feed_forward = *std::max_element(feed_forward.begin(), feed_forward.end());
    // A MoE layer computes so many experts of that width side by side. Not all architectures name it: for those the
    // dense width is the experts' own.
    const uint64_t expert_width = number("expert_feed_forward_length", model.feed_forward);
    model.feed_forward = std::max(model.feed_forward, used * expert_width);
    const uint64_t most_heads = heads.empty() ? 0 : *std::max_element(heads.begin(), heads.end());
    const uint64_t head_width = most_heads == 0 ? 0 : model.embedding / most_heads;
    const uint64_t key_width = number("attention.key_length", head_width);
    const uint64_t value_width = number("attention.value_length", head_width);
    const uint64_t entry_bytes = 2 * (key_width + value_width);
    const auto kv_heads = per_layer(header, model.architecture + ".attention.head_count_kv", layers, most_heads);
    // Of the scores and their softmax, in F32.
    if (!takes_flash_attention(model.architecture)) model.score_bytes = 8 * std::min(most_heads, kMostLayers);
    for (const uint64_t count : kv_heads) {
        model.layer_kv_bytes.push_back(std::min(count, kMostLayers) * entry_bytes);
        model.kv_bytes_per_token += model.layer_kv_bytes.back();
    }
    // Values are quantized only for flash attention. Latent attention (MLA) has keys of another form.
    const int64_t latent = gguf_find_key(header, (model.architecture + ".attention.kv_lora_rank").c_str());
    if (takes_flash_attention(model.architecture) && latent < 0 && key_width % ggml_blck_size(GGML_TYPE_Q8_0) == 0 &&
        value_width % ggml_blck_size(GGML_TYPE_Q8_0) == 0) {
        const uint64_t block = 2 * static_cast<uint64_t>(ggml_blck_size(GGML_TYPE_Q8_0));
        model.quantized_kv_bytes_per_token = model.kv_bytes_per_token / block * ggml_type_size(GGML_TYPE_Q8_0);
    }
    return std::nullopt;
}

/** Finds the store of a converted model, and the tensors that it holds. */
std::optional<Error> add_store(const gguf_context* header, Model& model) {
    const std::string& path = model.files.front();
    const int64_t name_key = gguf_find_key(header, kStoreNameKey);
    if (name_key < 0) return std::nullopt;
    const int64_t identity_key = gguf_find_key(header, kStoreIdentityKey);
    const std::string name =
        gguf_get_kv_type(header, name_key) == GGUF_TYPE_STRING ? gguf_get_val_str(header, name_key) : "";
    if (name.empty() || name.find('/') != std::string::npos || name.find('\\') != std::string::npos ||
        identity_key < 0 || gguf_get_kv_type(header, identity_key) != GGUF_TYPE_UINT64) {
        return not_a_model(path, "does not say which store belongs to it. Convert the model again.");
    }
    const std::filesystem::path folder = std::filesystem::u8path(path).parent_path();
    Result<Store> store = read_store((folder / std::filesystem::u8path(name)).u8string());
    if (!store) return store.error();
    if (store->identity != gguf_get_val_u64(header, identity_key)) {
        return not_a_model(path, "and " + store->path + " are of different conversions. Convert the model again.");
    }
    model.store = std::move(*store);
    return std::nullopt;
}

/** Marks the down matrices that are holes. */
std::optional<Error> mark_holes(Model& model) {
    for (const NeuronLayer& layer : model.store->layers) {
        const std::string prefix = "blk." + std::to_string(layer.record.layer) + ".ffn_";
        const auto has_shape = [&](const char* role, int64_t width, int64_t rows) {
            const auto found = std::find_if(model.tensors.begin(), model.tensors.end(), [&](const TensorInfo& tensor) {
                return tensor.name == prefix + role + ".weight";
            });
            if (found == model.tensors.end() || found->ne[0] != width || found->ne[1] != rows) return false;
            found->part = std::strcmp(role, "down") == 0 ? NeuronPart::Down : NeuronPart::Up;
            return true;
        };
        if (!has_shape("down", layer.record.neurons, layer.record.embedding) ||
            !has_shape("up", layer.record.embedding, layer.record.neurons)) {
            return not_a_model(model.files.front(), "has other shapes than its store. Convert the model again.");
        }
    }
    return std::nullopt;
}

}  // namespace

Result<Model> read_model(const std::string& path) {
    Model model;
    std::vector<std::string> paths{path};
    Header first(nullptr, &gguf_free);
    for (size_t i = 0; i < paths.size(); i++) {
        const Result<uint64_t> size = check_file(paths[i]);
        if (!size) return size.error();
        Result<Header> header = read_header(paths[i], *size);
        if (!header) return header.error();
        model.files.push_back(paths[i]);
        if (i == 0) {
            Result<std::vector<std::string>> all = part_paths(header->get(), path);
            if (!all) return all.error();
            paths = std::move(*all);
            if (const auto error = add_shape(header->get(), model)) return *error;
            if (const auto error = add_store(header->get(), model)) return *error;
        }
        if (const auto error = add_tensors(header->get(), *size, model)) return *error;
        if (model.tensors.size() > kMostTensors) {
            return not_a_model(path, "has more than " + std::to_string(kMostTensors) + " tensors in its parts.");
        }
        if (i == 0) first = std::move(*header);
    }
    if (model.tensors.empty()) return not_a_model(path, "has no weights. It may be a vocabulary only.");
    if (const auto fault = metadata_fault(first.get(), model.architecture, model.tensors))
        model.fault = *fault + ". Download it again, or choose another model.";
    if (model.store) {
        if (const auto error = mark_holes(model)) return *error;
    }
    const auto named = [&](const char* name) {
        return std::find_if(model.tensors.begin(), model.tensors.end(),
                            [&](const TensorInfo& tensor) { return tensor.name == name; });
    };
    const auto embedding = named("token_embd.weight");
    if (embedding == model.tensors.end()) return model;
    model.vocabulary = static_cast<uint64_t>(embedding->ne[1]);
    if (named("output.weight") == model.tensors.end()) {
        TensorInfo output = *embedding;
        output.use = Use::Multiply;
        model.tensors.push_back(std::move(output));
    }
    return model;
}

Result<Model> read_usable_model(const std::string& path) {
    Result<Model> model = read_model(path);
    if (model && model->fault) return not_a_model(path, "is not a usable model: it " + *model->fault);
    return model;
}

}  // namespace flash
