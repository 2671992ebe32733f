#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace flash {

/** Some rows of a matrix that lie together on flash: what is read at once and computed at once. */
struct Tile {
    const TensorInfo* tensor;
    int64_t row;  // the first
    int64_t rows;
    uint64_t offset;  // bytes from the start of the file
    uint64_t size;    // bytes
};

/** `blk.12.` of `blk.12.ffn_up.weight`; empty outside of layers. */
std::string layer_of(const TensorInfo& tensor);

/** A matrix in tiles, in order. */
std::vector<Tile> tiles_of(const TensorInfo& tensor);

}  // namespace flash
