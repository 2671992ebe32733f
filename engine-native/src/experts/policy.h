#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace flash {

/**
 * Which experts are worth their memory. A policy gives each expert a rank, which changes only when the expert is used:
 * when room is needed, the lowest rank in the pool leaves first. So what is in the pool can be kept in order.
 */
class Policy {
  public:
    virtual ~Policy() = default;

    /**
     * Notes that `tokens` tokens of this pass used the expert.
     * @param now tokens that the model has computed so far
     * @return the expert's new rank
     */
    virtual double use(uint32_t expert, uint64_t now, uint32_t tokens) = 0;

    /** The rank of an expert that is not used now: of one that never was, below all others. */
    virtual double rank(uint32_t expert) const = 0;
};

/** Recency alone. For comparison. */
class LeastRecentlyUsed : public Policy {
  public:
    explicit LeastRecentlyUsed(uint32_t experts);
    double use(uint32_t expert, uint64_t now, uint32_t tokens) override;
    double rank(uint32_t expert) const override { return ranks_[expert]; }

  private:
    std::vector<double> ranks_;
    uint64_t uses_ = 0;
};

/** Frequency alone. For comparison. */
class LeastFrequentlyUsed : public Policy {
  public:
    explicit LeastFrequentlyUsed(uint32_t experts);
    double use(uint32_t expert, uint64_t now, uint32_t tokens) override;
    double rank(uint32_t expert) const override { return ranks_[expert]; }

  private:
    std::vector<double> ranks_;
};

/**
 * Frequency in which a use counts half as much after each half-life: recency and frequency on one scale (LRFU, Lee et
 * al., "LRFU: A Spectrum of Policies that Subsumes the LRU and LFU Policies", IEEE ToC 2001). Kept as a logarithm, in
 * which all ranks sink at the same speed, so that they can be compared at any time without being brought up to date.
 */
class DecayedFrequency : public Policy {
  public:
    /**
     * @param half_life tokens after which a use counts half. Best is about as many as would fill the pool if no two of
     * their choices were the same: the table in docs/experts.md.
     */
    DecayedFrequency(uint32_t experts, double half_life);
    double use(uint32_t expert, uint64_t now, uint32_t tokens) override;
    double rank(uint32_t expert) const override { return ranks_[expert]; }

    /** The logarithm (base 2) of an expert's decayed count of uses; -infinity for one that was never used. */
    double count(uint32_t expert, uint64_t now) const { return ranks_[expert] - static_cast<double>(now) / half_life_; }
    /** Begins with a count from before: as `count` gave it when now is 0. */
    void set(uint32_t expert, double count) { ranks_[expert] = count; }

  private:
    double half_life_;
    std::vector<double> ranks_;  // log2 of the decayed count at time 0
};

}  // namespace flash
