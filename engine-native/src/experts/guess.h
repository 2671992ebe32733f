#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "experts/experts.h"

namespace flash {

/** A layer's matrices in the order in which `tensors` are used, then those that are not used. */
std::vector<const ExpertMatrix*> in_order_of_use(const Experts& experts, const std::vector<const TensorInfo*>& tensors);

/**
 * The experts that the next layer will probably choose. Those that are missing are read if such guesses have been right
 * so far: queued behind the reads of this layer, when the disk would otherwise be idle. The next layer's pass takes
 * those that it does choose; the others stay in the pool with their rank.
 */
class Guess {
  public:
    /**
     * The caller, of this and of every other function, holds `Experts::use_`.
     * @param record of guesses of this kind
     * @param tensors as those of the layer's pass
     * @param chosen experts of the layer, the likeliest first
     * @param former what was guessed of the same layer when less was known: what is on its way because of it is taken
     * over, and no more of it is read; may be null
     */
    Guess(Experts& experts, GuessRecord& record, const std::vector<const TensorInfo*>& tensors,
          const std::vector<int32_t>& chosen, std::unique_ptr<Guess> former);
    /** Ends reads that nobody waited for. */
    ~Guess();
    Guess(const Guess&) = delete;
    Guess& operator=(const Guess&) = delete;

    bool is_for(const ExpertPlace& place, const std::vector<const ExpertMatrix*>& matrices) const {
        return place.layer == place_.layer && matrices == matrices_;
    }

    /**
     * The layer chose this expert. If it was guessed and has memory in the pool, where it is held, the caller has it
     * now.
     * @return its reads, of all parts in the order of the matrices; none where it was here, or is not read
     */
    std::vector<ExpertRead*> take(uint32_t number);

    /** All that was chosen has been taken: learns from it, and does not begin to read the rest. */
    void settle();

    size_t missing() const;  // experts
    bool reads() const;      // any of them

  private:
    struct Expected {
        uint32_t number;
        size_t rank;  // in the guess
        bool missing;
        bool held = false;  // by us, in the pool
        bool taken = false;
        std::vector<ExpertRead*> reads;
    };

    /** Takes an expert from this guess or those before it, and has it read if it is not. Null: it was not guessed. */
    Expected* claim(uint32_t number);
    void read_missing();
    /** A read of which it is known now what became of it. */
    void count(uint64_t bytes);

    Experts& experts_;
    GuessRecord& record_;
    ExpertPlace place_;
    std::vector<const ExpertMatrix*> matrices_;
    std::vector<Expected> expected_;
    std::deque<ExpertRead> reads_;
    std::unique_ptr<Guess> former_;
};

}  // namespace flash
