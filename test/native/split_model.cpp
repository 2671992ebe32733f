#include "split_model.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "gguf.h"

namespace flint {
namespace {

using Header = std::unique_ptr<gguf_context, decltype(&gguf_free)>;
using Tensors = std::unique_ptr<ggml_context, decltype(&ggml_free)>;

/** Copies the data of these tensors behind a part's header. */
void append(std::ifstream& from, const gguf_context* whole, int64_t first, int64_t end, const std::string& path) {
    std::ofstream to(path, std::ios::binary | std::ios::app);
    const size_t alignment = gguf_get_alignment(whole);
    for (int64_t i = first; i < end; i++) {
        std::vector<char> data(gguf_get_tensor_size(whole, i));
        from.seekg(static_cast<std::streamoff>(gguf_get_data_offset(whole) + gguf_get_tensor_offset(whole, i)));
        from.read(data.data(), static_cast<std::streamsize>(data.size()));
        data.resize((data.size() + alignment - 1) / alignment * alignment);
        to.write(data.data(), static_cast<std::streamsize>(data.size()));
    }
    if (!from || !to.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace

std::vector<std::string> split_model(const std::string& path, uint16_t parts) {
    ggml_context* shapes = nullptr;
    const Header whole(gguf_init_from_file(path.c_str(), gguf_init_params{true, &shapes}), &gguf_free);
    const Tensors tensors(shapes, &ggml_free);
    if (!whole) throw std::runtime_error("cannot read " + path);
    std::ifstream from(path, std::ios::binary);
    const int64_t count = gguf_get_n_tensors(whole.get());
    std::vector<std::string> paths;
    for (uint16_t number = 0; number < parts; number++) {
        const Header part(gguf_init_empty(), &gguf_free);
        if (number == 0) gguf_set_kv(part.get(), whole.get());
        gguf_set_val_u16(part.get(), "split.no", number);
        gguf_set_val_u16(part.get(), "split.count", parts);
        gguf_set_val_i32(part.get(), "split.tensors.count", static_cast<int32_t>(count));
        const int64_t first = count * number / parts;
        const int64_t end = count * (number + 1) / parts;
        for (int64_t i = first; i < end; i++) {
            gguf_add_tensor(part.get(), ggml_get_tensor(tensors.get(), gguf_get_tensor_name(whole.get(), i)));
        }
        char suffix[32];
        std::snprintf(suffix, sizeof suffix, "-%05u-of-%05u.gguf", number + 1U, static_cast<unsigned>(parts));
        paths.push_back(path.substr(0, path.rfind(".gguf")) + suffix);
        if (!gguf_write_to_file(part.get(), paths.back().c_str(), true))
            throw std::runtime_error("cannot write " + paths.back());
        append(from, whole.get(), first, end, paths.back());
    }
    return paths;
}

}  // namespace flint
