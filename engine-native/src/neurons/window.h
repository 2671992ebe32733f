#pragma once

#include <cstdint>
#include <vector>

#include "reader/reader.h"

namespace flash {

/**
 * The neurons of one layer that are in memory: those that were active for the last tokens ("windowing", arXiv
 * 2312.11514, section 3.1), as many tokens as the memory is enough for. Preallocated matrices, in which the neurons in
 * use are the first rows: a new neuron takes the row of the one that was active longest ago, so nothing is ever moved
 * (the paper's swap with the last row is needed only for a window that shrinks).
 */
class Window {
  public:
    static constexpr uint32_t kNone = UINT32_MAX;

    /** @param capacity neurons @param up_bytes of a row, 0 to keep down columns only */
    Window(uint32_t neurons, uint32_t capacity, uint64_t up_bytes, uint64_t down_bytes);

    /** Whether there was memory for it. */
    bool ready() const;

    /** Rows that neurons last active before `now` have, and those that were never used. */
    uint32_t free_rows(uint64_t now) const;

    /** The row of this neuron, which is active now; kNone when it is not here. */
    uint32_t touch(uint32_t neuron, uint64_t now) {
        const uint32_t row = row_of_[neuron];
        if (row != kNone) last_active_[row] = now;
        return row;
    }

    bool has(uint32_t neuron) const { return row_of_[neuron] != kNone; }
    /** Rows that no neuron has. */
    uint32_t empty_rows() const { return static_cast<uint32_t>(free_.size()) + (capacity() - touched_); }

    /** Gives up `count` rows, of at most free_rows(now), for neurons to come. */
    void make_room(uint32_t count, uint64_t now);
    /** A row that no neuron has, for one that is not here and was last active then. */
    uint32_t take(uint32_t neuron, uint64_t last_active);

    /** Forgets all neurons: what was put into their rows is not to be trusted. */
    void clear();

    uint8_t* up(uint32_t row) const { return up_.data() + row * up_bytes_; }
    uint8_t* down(uint32_t row) const { return down_.data() + row * down_bytes_; }

    uint32_t capacity() const { return static_cast<uint32_t>(neuron_of_.size()); }
    /** Neurons that are here. */
    uint32_t size() const { return used_; }

  private:
    uint64_t up_bytes_;
    uint64_t down_bytes_;
    AlignedBuffer up_;
    AlignedBuffer down_;
    std::vector<uint32_t> row_of_;       // by neuron
    std::vector<uint32_t> neuron_of_;    // by row; kNone: given up
    std::vector<uint64_t> last_active_;  // by row
    std::vector<uint32_t> free_;         // rows that were given up
    uint32_t used_ = 0;
    uint32_t touched_ = 0;  // rows that were ever used, from the first on: the rest costs no memory yet
};

}  // namespace flash
