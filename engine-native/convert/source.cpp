#include "source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace flash {

std::vector<Block> blocks_of(const Model& model) {
    const auto find = [&](const std::string& name) -> const TensorInfo* {
        const auto found = std::find_if(model.tensors.begin(), model.tensors.end(),
                                        [&](const TensorInfo& tensor) { return tensor.name == name; });
        return found == model.tensors.end() ? nullptr : &*found;
    };
    std::vector<Block> blocks;
    for (uint32_t layer = 0; layer < kMostStoreLayers; layer++) {
        const std::string prefix = "blk." + std::to_string(layer) + ".";
        const TensorInfo* up = find(prefix + "ffn_up.weight");
        const TensorInfo* down = find(prefix + "ffn_down.weight");
        if (up == nullptr || down == nullptr || find(prefix + "ffn_gate.weight") != nullptr ||
            find(prefix + "ffn_down.scale") != nullptr) {
            continue;
        }
        const TensorInfo* bias = find(prefix + "ffn_up.bias");
        if (bias != nullptr && (bias->type != GGML_TYPE_F32 || bias->ne[0] != up->ne[1] || bias->ne[1] != 1)) continue;
        const bool fits = up->ne[2] == 1 && down->ne[2] == 1 && up->ne[0] == down->ne[1] && up->ne[1] == down->ne[0] &&
                          up->ne[0] % ggml_blck_size(kPredictorDownType) == 0;
        if (fits && up->ne[1] <= kMostNeurons && up->ne[0] <= kWidestEmbedding)
            blocks.push_back({layer, up, down, bias});
    }
    return blocks;
}

Source::Source(const Model& model) {
    for (const std::string& path : model.files) {
        files_.push_back(open_file(path, "rb"));
        if (!files_.back()) throw std::runtime_error("cannot open " + path + ": " + std::strerror(errno));
    }
}

std::vector<uint8_t> Source::bytes(const TensorInfo& tensor) const {
    std::vector<uint8_t> data(tensor.size);
    std::FILE* file = files_[tensor.file].get();
    if (fseeko(file, static_cast<off_t>(tensor.offset), SEEK_SET) != 0 ||
        std::fread(data.data(), 1, data.size(), file) != data.size()) {
        throw std::runtime_error("cannot read " + tensor.name + ": " + std::strerror(errno));
    }
    return data;
}

Matrix Source::numbers(const TensorInfo& tensor) const {
    const std::vector<uint8_t> data = bytes(tensor);
    Matrix matrix(tensor.ne[1], tensor.ne[0]);
    if (tensor.type == GGML_TYPE_F32) {
        std::memcpy(matrix.data.data(), data.data(), data.size());
        return matrix;
    }
    const ggml_type_traits* traits = ggml_get_type_traits(tensor.type);
    if (traits->to_float == nullptr)
        throw std::runtime_error(tensor.name + " has a type that cannot be read as numbers");
    traits->to_float(data.data(), matrix.data.data(), tensor.ne[0] * tensor.ne[1]);
    return matrix;
}

}  // namespace flash
