#include "compute/tiles.h"

#include <algorithm>

namespace flash {

std::string layer_of(const TensorInfo& tensor) {
    const size_t dot = tensor.name.rfind("blk.", 0) == 0 ? tensor.name.find('.', 4) : std::string::npos;
    return dot == std::string::npos ? std::string() : tensor.name.substr(0, dot + 1);
}

std::vector<Tile> tiles_of(const TensorInfo& tensor) {
    const uint64_t row_bytes = tensor.size / static_cast<uint64_t>(tensor.ne[1]);
    const auto rows = static_cast<int64_t>(tile_bytes(tensor) / row_bytes);
    std::vector<Tile> tiles;
    for (int64_t row = 0; row < tensor.ne[1]; row += rows) {
        const int64_t count = std::min(rows, tensor.ne[1] - row);
        tiles.push_back({&tensor, row, count, tensor.offset + static_cast<uint64_t>(row) * row_bytes,
                         static_cast<uint64_t>(count) * row_bytes});
    }
    return tiles;
}

}  // namespace flash
