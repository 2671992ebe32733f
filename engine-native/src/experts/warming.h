#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "experts/experts.h"

namespace flash {

/**
 * Reads the experts that the pool starts with, in the background: first those that were used most in earlier sessions.
 * Each has its room in the pool, and its rank, from the start. A layer that needs one may take it, and the pool may
 * drop it, before it has arrived. The caller of every function holds `Experts::use_`.
 */
class Warming {
  public:
    explicit Warming(Experts& experts) : experts_(experts) {}
    /** Ends reads; nothing writes to the pool any more. */
    ~Warming();
    Warming(const Warming&) = delete;
    Warming& operator=(const Warming&) = delete;

    /** An expert whose room in the pool this is, to be read after those before it. */
    void add(const ExpertLayer& layer, uint32_t number, uint8_t* memory);
    /** Reads begin. */
    void begin();

    /**
     * A layer needs this expert: the rest of it is read next.
     * @return its reads, of all parts in the order of the layer's matrices; none if it has arrived or is not one of
     * these
     */
    std::vector<ExpertRead> take(uint32_t number);
    /** A layer will probably need this expert soon: it is read next. */
    void promote(uint32_t number);
    /** The expert leaves the pool: nothing writes to its memory any more. */
    void drop(uint32_t number);
    /** Drops from the pool those that were never used, except those that are being read. */
    void drop_unused();

    /** Of experts that have not arrived, counted as a whole. Without those that could not be read. */
    uint64_t bytes();

  private:
    /** Removes those that have arrived from the list. */
    void settle();
    void end(std::vector<ExpertRead>& reads);

    Experts& experts_;
    std::unordered_map<uint32_t, std::vector<ExpertRead>>
        coming_;                  // not arrived, by expert; also those that could not be read
    std::deque<uint32_t> order_;  // of reading; those that are also in coming_ have not arrived
};

}  // namespace flash
