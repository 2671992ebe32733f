#pragma once

#include <cstdint>

namespace flint {

/** Repeatable random numbers, the same on every platform and with every standard library (SplitMix64). */
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
        return mixed ^ (mixed >> 31);
    }

    /** From 0 up to and without `limit`, which must be above 0. */
    uint64_t below(uint64_t limit) { return next() % limit; }

    /** Close to the standard normal distribution: the sum of four uniform numbers, made to have variance 1. */
    float normal() {
        const uint64_t bits = next();
        const int64_t sum =
            static_cast<int64_t>((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)) -
            2 * 0xffff;
        constexpr float kScale = 1.7320508F / 65536.0F;  // a uniform number's variance is 1/12, four have 1/3
        return static_cast<float>(sum) * kScale;
    }

  private:
    uint64_t state_;
};

}  // namespace flint
