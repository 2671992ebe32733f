#include "gguf/merged_header.h"

#include <algorithm>
#include <array>

#include "gguf.h"
#include "gguf/header.h"

namespace flash {
namespace {

/** What would make a split model of it, or another alignment than ours: GGUF_DEFAULT_ALIGNMENT. */
constexpr std::array<const char*, 4> kLeftOut = {"split.no", "split.count", "split.tensors.count", "general.alignment"};

template <typename T>
void put(std::vector<uint8_t>& bytes, T value) {
    for (size_t i = 0; i < sizeof(T); i++) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

/** @param offset of its data, from the first tensor's */
void put_tensor(std::vector<uint8_t>& bytes, const TensorInfo& tensor, uint64_t offset) {
    put<uint64_t>(bytes, tensor.name.size());
    bytes.insert(bytes.end(), tensor.name.begin(), tensor.name.end());
    uint32_t dimensions = GGML_MAX_DIMS;
    while (dimensions > 1 && tensor.ne[dimensions - 1] == 1) dimensions--;
    put(bytes, dimensions);
    for (uint32_t i = 0; i < dimensions; i++) put(bytes, static_cast<uint64_t>(tensor.ne[i]));
    put(bytes, static_cast<uint32_t>(tensor.type));
    put(bytes, offset);
}

}  // namespace

std::unique_ptr<MergedHeader> MergedHeader::of(const Model& model) {
    const auto values = header_values(model.files.front());
    if (!values) return nullptr;
    auto merged = std::make_unique<MergedHeader>();
    std::unordered_map<std::string, const TensorInfo*> tensors;
    std::vector<uint8_t> list;
    uint64_t data_bytes = 0;
    for (const TensorInfo& tensor : model.tensors) {
        const auto [known, is_new] = tensors.emplace(tensor.name, &tensor);
        if (!is_new) {
            // An embedding that is the output matrix too is there twice.
            const TensorInfo& other = *known->second;
            if (other.file != tensor.file || other.offset != tensor.offset) return nullptr;
            continue;
        }
        put_tensor(list, tensor, data_bytes);
        merged->offsets_[tensor.name] = data_bytes;
        data_bytes += align_up(tensor.size, GGUF_DEFAULT_ALIGNMENT);
    }
    std::vector<uint8_t> head = {'G', 'G', 'U', 'F'};
    put<uint32_t>(head, GGUF_VERSION);
    put<uint64_t>(head, tensors.size());
    uint64_t count = 0;
    constexpr uint64_t kHead = 24;
    uint64_t end = kHead;
    for (const HeaderValue& value : *values) {
        if (std::find(kLeftOut.begin(), kLeftOut.end(), value.name) != kLeftOut.end()) continue;
        const Span& last = merged->copied_.empty() ? Span{0, 0} : merged->copied_.back().span;
        if (!merged->copied_.empty() && last.offset + last.size == value.span.offset)
            merged->copied_.back().span.size += value.span.size;
        else
            merged->copied_.push_back({value.span, end});
        end += value.span.size;
        count++;
    }
    put(head, count);
    list.resize(align_up(end + list.size(), GGUF_DEFAULT_ALIGNMENT) - end);
    const uint64_t data_begin = end + list.size();
    for (auto& [name, offset] : merged->offsets_) offset += data_begin;
    merged->size_ = data_begin + data_bytes;
    merged->written_.push_back({std::move(head), 0});
    merged->written_.push_back({std::move(list), end});
    return merged;
}

}  // namespace flash
