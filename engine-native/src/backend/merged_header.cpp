#include "backend/merged_header.h"

#include <algorithm>

#include "ggml.h"

namespace flash {

std::unique_ptr<MergedHeader> MergedHeader::of(const std::vector<std::string>& paths) {
    Header merged(gguf_init_empty(), &gguf_free);
    if (!merged) return nullptr;
    for (const std::string& path : paths) {
        ggml_context* shapes = nullptr;
        const Header part(gguf_init_from_file(path.c_str(), gguf_init_params{true, &shapes}), &gguf_free);
        const std::unique_ptr<ggml_context, decltype(&ggml_free)> owned(shapes, &ggml_free);
        if (!part || !owned) return nullptr;
        // The others' keys tell their place among the parts.
        if (path == paths.front()) gguf_set_kv(merged.get(), part.get());
        for (int64_t i = 0; i < gguf_get_n_tensors(part.get()); i++) {
            const char* name = gguf_get_tensor_name(part.get(), i);
            if (gguf_find_tensor(merged.get(), name) >= 0) return nullptr;
            gguf_add_tensor(merged.get(), ggml_get_tensor(owned.get(), name));
        }
    }
    // What is written has ggml's own alignment.
    for (const char* key : {"split.no", "split.count", "split.tensors.count", "general.alignment"})
        gguf_remove_key(merged.get(), key);
    return std::unique_ptr<MergedHeader>(new MergedHeader(std::move(merged)));
}

uint64_t MergedHeader::offset_of(const std::string& tensor) const {
    return begin_of(gguf_find_tensor(header_.get(), tensor.c_str()));
}

uint64_t MergedHeader::size() const {
    uint64_t size = data_begin_;
    for (int64_t i = 0; i < gguf_get_n_tensors(header_.get()); i++)
        size = std::max(size, begin_of(i) + gguf_get_tensor_size(header_.get(), i));
    return size;
}

}  // namespace flash
