#include "gguf/metadata.h"

#include <algorithm>
#include <utility>

namespace flash {
namespace {

/** Far beyond any model, small enough that no product of two overflows. */
constexpr uint64_t kWidest = 1U << 24;

uint64_t checked_width(const std::string& name, uint64_t value) {
    if (value > kWidest) throw Fault("says that " + value_is(name, value) + ", which is more than any model has");
    return value;
}

}  // namespace

std::string value_is(const std::string& name, uint64_t value) { return name + " is " + std::to_string(value); }

Metadata::Metadata(const gguf_context* header, std::string architecture)
    : header_(header), architecture_(std::move(architecture)) {}

std::optional<uint64_t> Metadata::count(const char* key) const {
    const int64_t id = gguf_find_key(header_, name(key).c_str());
    if (id < 0) return std::nullopt;
    if (gguf_get_kv_type(header_, id) != GGUF_TYPE_UINT32)
        throw Fault("has a " + name(key) + " that is no whole number of 32 bits");
    return gguf_get_val_u32(header_, id);
}

std::optional<uint64_t> Metadata::width(const char* key) const {
    const auto value = count(key);
    return value ? std::optional(checked_width(name(key), *value)) : std::nullopt;
}

std::optional<std::vector<uint64_t>> Metadata::per_layer(const char* key, uint64_t layers) const {
    const int64_t id = gguf_find_key(header_, name(key).c_str());
    if (id < 0) return std::nullopt;
    if (gguf_get_kv_type(header_, id) != GGUF_TYPE_ARRAY) return std::vector<uint64_t>(layers, *width(key));
    array(name(key), {GGUF_TYPE_UINT32, GGUF_TYPE_INT32});
    const size_t length = gguf_get_arr_n(header_, id);
    if (length != layers) {
        throw Fault("has " + std::to_string(layers) + " layers, but " + std::to_string(length) + " values of " +
                    name(key));
    }
    const auto* data = static_cast<const uint32_t*>(gguf_get_arr_data(header_, id));
    std::vector<uint64_t> values(data, data + length);
    for (const uint64_t value : values) checked_width(name(key), value);
    return values;
}

std::optional<float> Metadata::real(const char* key) const {
    const int64_t id = gguf_find_key(header_, name(key).c_str());
    if (id < 0) return std::nullopt;
    if (gguf_get_kv_type(header_, id) != GGUF_TYPE_FLOAT32)
        throw Fault("has a " + name(key) + " that is no number of type F32");
    return gguf_get_val_f32(header_, id);
}

std::optional<std::string> Metadata::text(const std::string& full_name) const {
    const int64_t id = gguf_find_key(header_, full_name.c_str());
    if (id < 0) return std::nullopt;
    if (gguf_get_kv_type(header_, id) != GGUF_TYPE_STRING) throw Fault("has a " + full_name + " that is no text");
    return gguf_get_val_str(header_, id);
}

std::optional<int64_t> Metadata::array(const std::string& full_name, const std::vector<gguf_type>& types) const {
    const int64_t id = gguf_find_key(header_, full_name.c_str());
    if (id < 0) return std::nullopt;
    if (gguf_get_kv_type(header_, id) != GGUF_TYPE_ARRAY ||
        std::find(types.begin(), types.end(), gguf_get_arr_type(header_, id)) == types.end()) {
        throw Fault("has a " + full_name + " that is no list of the right type");
    }
    return id;
}

}  // namespace flash
