#include "stream/tiles.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace flash {
namespace {

/** Where llama.cpp's graphs tend to use it: by layer, attention before feed-forward, the output last. */
std::tuple<long, int, std::string> guessed_order(const TensorInfo& tensor) {
    const std::string layer = layer_of(tensor);
    if (layer.empty()) return {INT32_MAX, 0, tensor.name};
    static const char* const kRoles[] = {"attn_qkv", "attn_q",      "attn_k",   "attn_v", "attn_gate", "ssm_in",
                                         "ssm_out",  "attn_output", "ffn_gate", "ffn_up", "ffn_down"};
    int rank = 0;
    for (const char* role : kRoles) {
        if (tensor.name.compare(layer.size(), std::string(role).size() + 1, std::string(role) + ".") == 0) break;
        rank++;
    }
    return {std::strtol(layer.c_str() + 4, nullptr, 10), rank, tensor.name};
}

}  // namespace

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

Lap::Lap(std::vector<const TensorInfo*> tensors) : order_(std::move(tensors)) {
    std::sort(order_.begin(), order_.end(),
              [](const TensorInfo* a, const TensorInfo* b) { return guessed_order(*a) < guessed_order(*b); });
    rebuild();
}

void Lap::rebuild() {
    tiles_.clear();
    for (const TensorInfo* tensor : order_) {
        const std::vector<Tile> tiles = tiles_of(*tensor);
        places_[tensor] = {tiles_.size(), tiles.size()};
        tiles_.insert(tiles_.end(), tiles.begin(), tiles.end());
    }
}

std::vector<Tile> Lap::range(const TensorInfo& tensor) const {
    const Place& place = places_.at(&tensor);
    const auto first = tiles_.begin() + static_cast<std::ptrdiff_t>(place.first);
    return {first, first + static_cast<std::ptrdiff_t>(place.count)};
}

uint64_t Lap::next(const TensorInfo& tensor, uint64_t position) const {
    const uint64_t first = places_.at(&tensor).first;
    const uint64_t here = position % tiles_.size();
    return position - here + first + (first < here ? tiles_.size() : 0);
}

bool Lap::correct(const TensorInfo& tensor, uint64_t position) {
    const TensorInfo* expected = at(position).tensor;
    const std::string layer = layer_of(tensor);
    if (expected == &tensor || layer.empty() || layer_of(*expected) != layer) return false;
    const auto from = std::find(order_.begin(), order_.end(), expected);
    const auto to = std::find(order_.begin(), order_.end(), &tensor);
    if (to < from) return false;
    std::rotate(from, to, to + 1);
    rebuild();
    return true;
}

}  // namespace flash
