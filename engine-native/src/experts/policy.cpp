#include "experts/policy.h"

#include <cmath>
#include <limits>

namespace flash {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

}  // namespace

LeastRecentlyUsed::LeastRecentlyUsed(uint32_t experts) : ranks_(experts, kNever) {}

double LeastRecentlyUsed::use(uint32_t expert, uint64_t, uint32_t) {
    return ranks_[expert] = static_cast<double>(++uses_);
}

LeastFrequentlyUsed::LeastFrequentlyUsed(uint32_t experts) : ranks_(experts, kNever) {}

double LeastFrequentlyUsed::use(uint32_t expert, uint64_t, uint32_t tokens) {
    return ranks_[expert] = (ranks_[expert] == kNever ? 0 : ranks_[expert]) + tokens;
}

DecayedFrequency::DecayedFrequency(uint32_t experts, double half_life)
    : half_life_(half_life), ranks_(experts, kNever) {}

double DecayedFrequency::use(uint32_t expert, uint64_t now, uint32_t tokens) {
    // A use at time t weighs 2^(t / half-life): the sum with what was before, in logarithms.
    const double use = static_cast<double>(now) / half_life_ + std::log2(static_cast<double>(tokens));
    return ranks_[expert] = use + std::log2(1 + std::exp2(ranks_[expert] - use));
}

}  // namespace flash
