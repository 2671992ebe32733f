#include "plan/expert_layout.h"

#include <algorithm>

#include "plan/plan.h"
#include "reader/reader.h"

namespace flash {
namespace {

/** A read of this size reaches the disk's bandwidth, and several of them share the arithmetic of a large expert. */
constexpr uint64_t kLargestPart = 2ULL << 20;
/** Far beyond any model; small enough that numbers of experts of all layers fit 32 bits. */
constexpr int64_t kMostExperts = 1 << 14;

const char* const kRoles[] = {"ffn_gate_up_exps.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight",
                              "ffn_down_exps.weight"};

/** Where `blk.12.` ends in a name; 0 where it has no such beginning. */
size_t prefix_length(const std::string& name) {
    if (name.rfind("blk.", 0) != 0) return 0;
    const size_t dot = name.find('.', 4);
    return dot == std::string::npos ? 0 : dot + 1;
}

ExpertMatrix matrix_of(const TensorInfo& tensor, size_t index) {
    ExpertMatrix matrix{};
    matrix.tensor = index;
    matrix.file = tensor.file;
    matrix.offset = tensor.offset;
    matrix.bytes = tensor.size / static_cast<uint64_t>(tensor.ne[2]);
    matrix.rows = tensor.ne[1];
    const auto parts = static_cast<int64_t>((matrix.bytes + kLargestPart - 1) / kLargestPart);
    const int64_t groups = matrix.rows / kRowGroup;
    matrix.rows_per_part = std::max<int64_t>(1, (groups + parts - 1) / parts) * kRowGroup;
    const uint64_t row_bytes = matrix.bytes / static_cast<uint64_t>(matrix.rows);
    matrix.room_per_part = Reader::room_bytes(row_bytes * static_cast<uint64_t>(matrix.rows_per_part));
    return matrix;
}

}  // namespace

ExpertPart ExpertMatrix::part(uint32_t expert, uint32_t index) const {
    const uint64_t row_bytes = bytes / static_cast<uint64_t>(rows);
    ExpertPart part{};
    part.file = file;
    part.row = rows_per_part * index;
    part.rows = std::min(rows_per_part, rows - part.row);
    part.offset = offset + expert * bytes + static_cast<uint64_t>(part.row) * row_bytes;
    part.size = static_cast<uint64_t>(part.rows) * row_bytes;
    part.room = room + index * room_per_part;
    return part;
}

bool ExpertLayout::serves(const TensorInfo& tensor) {
    const size_t prefix = prefix_length(tensor.name);
    const bool known = prefix > 0 && std::any_of(std::begin(kRoles), std::end(kRoles), [&](const char* role) {
                           return tensor.name.compare(prefix, std::string::npos, role) == 0;
                       });
    return known && tensor.ne[1] >= kRowGroup && tensor.ne[1] % kRowGroup == 0 && tensor.ne[2] > 1 &&
           tensor.ne[2] <= kMostExperts && tensor.ne[3] == 1;
}

ExpertLayout::ExpertLayout(const std::vector<TensorInfo>& tensors) {
    for (size_t i = 0; i < tensors.size(); i++) {
        const TensorInfo& tensor = tensors[i];
        if (!serves(tensor)) continue;
        const std::string prefix = tensor.name.substr(0, prefix_length(tensor.name));
        const auto count = static_cast<uint32_t>(tensor.ne[2]);
        // A layer's matrices that differ in the number of experts would be another kind of layer: none of those exist.
        auto layer = std::find_if(layers_.begin(), layers_.end(),
                                  [&](const ExpertLayer& l) { return l.prefix == prefix && l.experts == count; });
        if (layer == layers_.end()) {
            layers_.push_back({prefix, {}, count, experts_, 0});
            experts_ += count;
            layer = layers_.end() - 1;
        }
        ExpertMatrix matrix = matrix_of(tensor, i);
        matrix.room = layer->bundle_bytes;
        layer->bundle_bytes += matrix.parts() * matrix.room_per_part;
        largest_part_room_ = std::max(largest_part_room_, matrix.room_per_part);
        layer->matrices.push_back(matrix);
    }
    for (const ExpertLayer& layer : layers_) {
        smallest_bundle_ = smallest_bundle_ == 0 ? layer.bundle_bytes : std::min(smallest_bundle_, layer.bundle_bytes);
        largest_bundle_ = std::max(largest_bundle_, layer.bundle_bytes);
    }
}

}  // namespace flash
