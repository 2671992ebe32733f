#pragma once

#include <cstdint>
#include <vector>

#include "reader/reader.h"

namespace flash {

/**
 * The neurons of one layer that are in memory: those that recent tokens made active most often ("windowing", arXiv
 * 2312.11514, section 3.1, with a count for each neuron that fades instead of one that ends after k tokens: a layer's
 * neurons differ so much in how often they are active that a sudden guest should not displace a regular one).
 * Preallocated matrices, in which the neurons in use are the first rows: a new neuron takes the row of the one that was
 * active least, so nothing is ever moved (the paper's swap with the last row is needed only for a window that shrinks).
 */
class Window {
  public:
    static constexpr uint32_t kNone = UINT32_MAX;

    /**
     * @param capacity neurons
     * @param up_bytes of a row, 0 to keep down columns only
     * @param frequency by neuron, the share of tokens that it is expected to be active for
     */
    Window(uint32_t neurons, uint32_t capacity, uint64_t up_bytes, uint64_t down_bytes, const float* frequency);

    /** Whether there was memory for it. */
    bool ready() const;

    /** The next computation: no neuron is active in it yet. */
    void begin();

    /** The row of this neuron, which is active now; kNone when it is not here. */
    uint32_t touch(uint32_t neuron) {
        heat_[neuron] += weight_;
        const uint32_t row = row_of_[neuron];
        if (row != kNone) last_active_[row] = now_;
        return row;
    }

    bool has(uint32_t neuron) const { return row_of_[neuron] != kNone; }
    /** Rows that no neuron has. */
    uint32_t empty_rows() const { return static_cast<uint32_t>(free_.size()) + (capacity() - touched_); }

    /**
     * Of neurons that were touched and are not here, chooses those to keep, and gives up rows for them of neurons that
     * are not active now and were active less. `kept` has 1 or 0 for each. @return how many are kept
     */
    uint32_t make_room(const std::vector<uint32_t>& misses, std::vector<uint8_t>& kept);
    /** A row that no neuron has, for one that is not here. @param active whether it is now */
    uint32_t take(uint32_t neuron, bool active);

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
    uint64_t now_ = 1;
    std::vector<float> heat_;  // by neuron: how often it was active, recent times counting more
    float weight_ = 1;         // of being active now: it grows instead of all that was before fading
    std::vector<uint32_t> idle_;
    std::vector<uint32_t> guests_;
};

}  // namespace flash
