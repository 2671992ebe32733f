#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "platform/memory.h"
#include "reader/reader.h"
#include "result.h"

namespace flash {

/**
 * Memory for experts of all layers together: a pool for each layer would hit nothing as soon as it is smaller than what
 * one token uses. A slot has addresses for the largest expert; what a smaller one leaves of its memory is given back,
 * so all of the budget serves whatever the mixture of types.
 */
class ExpertPool {
  public:
    /** Called before an expert leaves in favour of another: nothing may write to its memory afterwards. */
    using Leave = std::function<void(uint32_t expert)>;

    /** For bundles of these sizes. Takes addresses, no memory yet. Holds no slots where there are none to be had. */
    ExpertPool(uint64_t budget_bytes, uint64_t smallest_bundle, uint64_t largest_bundle, Leave leave);
    ExpertPool(const ExpertPool&) = delete;
    ExpertPool& operator=(const ExpertPool&) = delete;

    /** An expert's memory while it is in the pool. */
    uint8_t* find(uint32_t expert) const;

    /**
     * Takes in an expert, in place of those of the lowest rank where there is no room. It is held.
     * @param size bytes, a multiple of kReadAlignment
     * @param evict whether others may leave for it
     * @return its memory, of any content; null where all others are held, none may leave, or the system has no memory
     */
    uint8_t* admit(uint32_t expert, uint64_t size, double rank, bool evict);

    /** Held experts stay. */
    void hold(uint32_t expert);
    void release(uint32_t expert, double rank);
    /** Takes out an expert whose memory was not filled. */
    void drop(uint32_t expert);

    uint64_t bytes() const { return bytes_; }  // of memory that may be touched, at most the budget
    size_t size() const { return residents_.size(); }

  private:
    struct Resident {
        uint32_t slot;
        double rank;
        bool held;
    };
    struct Slot {
        uint64_t bytes = 0;  // of memory that may be touched, from its beginning
    };

    uint8_t* memory_of(uint32_t slot) const { return memory_.data() + slot * stride_; }
    /** False where the system has no memory. */
    bool resize(uint32_t slot, uint64_t size);
    /** An empty slot that can have `size` bytes within the budget; the number of slots when there is none. */
    uint32_t vacancy(uint64_t size);
    bool evict_one();

    uint64_t budget_;
    uint64_t stride_;
    Leave leave_;
    AddressRange memory_;
    uint64_t bytes_ = 0;
    std::vector<Slot> slots_;
    std::vector<uint32_t> vacant_;  // those without memory first, so that memory that is there is used again
    std::unordered_map<uint32_t, Resident> residents_;  // by expert
    std::set<std::pair<double, uint32_t>> leaving_;     // rank and expert, of those that are not held
};

}  // namespace flash
