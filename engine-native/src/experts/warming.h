#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "experts/experts.h"

namespace flash {

/**
 * What the pool begins with, on its way into it: read while nobody waits for anything else, first what was used most in
 * earlier sessions. Each expert has its room in the pool from the beginning, with the rank that it has earned, and may
 * be taken by who wants it, or leave, before it is here. All of it is called by who has `Experts::use_`.
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
     * Somebody wants this expert: what is left of it is read next.
     * @return its reads, of all parts in the order of the layer's matrices; none where it is here, or is not ours
     */
    std::vector<ExpertRead> take(uint32_t number);
    /** Somebody may want this expert soon: it is read next. */
    void hasten(uint32_t number);
    /** The expert leaves the pool: nothing writes to its memory any more. */
    void drop(uint32_t number);
    /** Takes out of the pool those that nobody has ever used, but for those that are being read. */
    void drop_unused();

    /** Of experts that are still to come, as a whole. What could not be read is not awaited any more. */
    uint64_t bytes();

  private:
    /** Forgets those that are here. */
    void settle();
    void end(std::vector<ExpertRead>& reads);

    Experts& experts_;
    std::unordered_map<uint32_t, std::vector<ExpertRead>> coming_;  // by expert; also those that could not be read
    std::deque<uint32_t> order_;  // of reading; of these, those in coming_ are on their way
};

}  // namespace flash
