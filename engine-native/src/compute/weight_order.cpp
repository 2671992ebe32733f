#include "compute/weight_order.h"

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

WeightOrder::WeightOrder(std::vector<const TensorInfo*> tensors) : order_(std::move(tensors)) {
    std::sort(order_.begin(), order_.end(),
              [](const TensorInfo* a, const TensorInfo* b) { return guessed_order(*a) < guessed_order(*b); });
    rebuild();
}

void WeightOrder::rebuild() {
    tiles_.clear();
    for (const TensorInfo* tensor : order_) {
        const std::vector<Tile> tiles = tiles_of(*tensor);
        places_[tensor] = {tiles_.size(), tiles.size()};
        tiles_.insert(tiles_.end(), tiles.begin(), tiles.end());
    }
}

std::vector<Tile> WeightOrder::range(const TensorInfo& tensor) const {
    const Place& place = places_.at(&tensor);
    const auto first = tiles_.begin() + static_cast<std::ptrdiff_t>(place.first);
    return {first, first + static_cast<std::ptrdiff_t>(place.count)};
}

uint64_t WeightOrder::next(const TensorInfo& tensor, uint64_t position) const {
    const uint64_t first = places_.at(&tensor).first;
    const uint64_t here = position % tiles_.size();
    return position - here + first + (first < here ? tiles_.size() : 0);
}

bool WeightOrder::correct(const TensorInfo& tensor, uint64_t position) {
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
