#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace flash {

/**
 * How often guesses of a model's routing were right: of experts that are not in memory, by how likely they seemed. To
 * read a wrong one takes the disk from those that are waited for, so it is only done while it proves right.
 */
class GuessRecord {
  public:
    /** Guesses of this rank and after are not looked at; rank 0 seemed the likeliest. */
    static constexpr size_t kRanks = 16;

    /**
     * @param pays_from percent of guesses that must be right for reading to pay
     * @param trusted whether it is taken to pay while little is known
     */
    explicit GuessRecord(uint32_t pays_from, bool trusted = false) : pays_from_(pays_from), trusted_(trusted) {}

    /** Whether to read what is guessed at this rank: while little is known of it, by what is known of all. */
    bool pays(size_t rank) const;
    /** Whether to read anything. */
    bool pays() const;
    /** Whether to guess for the next layer: where it has not paid, now and then all the same, without reading. */
    bool guess_again();
    void note(size_t rank, bool right);

  private:
    /** Uses of late count: when there are as many as kRemembered, all are halved. */
    struct Count {
        uint32_t made = 0;
        uint32_t right = 0;
    };

    uint32_t pays_from_;
    bool trusted_;
    std::array<Count, kRanks> counts_{};
    uint64_t layers_ = 0;
};

}  // namespace flash
