#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "compute/tiles.h"

namespace flash {

/**
 * The tiles of all streamed matrices in the order in which a pass over the model uses them, again and again.
 * Positions count tiles since the beginning and never wrap. The order is guessed from names and corrected as it is
 * seen.
 */
class WeightOrder {
  public:
    /** Keeps pointers to the elements of `tensors`. */
    explicit WeightOrder(std::vector<const TensorInfo*> tensors);

    uint64_t size() const { return tiles_.size(); }
    const Tile& at(uint64_t position) const { return tiles_[position % tiles_.size()]; }
    bool has(const TensorInfo& tensor) const { return places_.count(&tensor) > 0; }
    /** The tiles of one matrix. */
    std::vector<Tile> range(const TensorInfo& tensor) const;
    /** The first position from `position` on at which the matrix begins. */
    uint64_t next(const TensorInfo& tensor, uint64_t position) const;

    /**
     * Notes that `tensor` is used where another one was expected at `position`. Within a layer that corrects the order:
     * then positions from `position` on mean other tiles, and it returns true. Elsewhere matrices were passed over.
     */
    bool correct(const TensorInfo& tensor, uint64_t position);

  private:
    struct Place {
        uint64_t first;
        uint64_t count;
    };
    void rebuild();

    std::vector<const TensorInfo*> order_;
    std::vector<Tile> tiles_;
    std::unordered_map<const TensorInfo*, Place> places_;
};

}  // namespace flash
