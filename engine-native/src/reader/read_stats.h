#pragma once

#include <atomic>
#include <cstdint>

namespace flash {

/** What was read and used of one model since it was opened. */
struct ReadStats {
    std::atomic<uint64_t> used_bytes{0};
    std::atomic<uint64_t> read_bytes{0};
    std::atomic<uint64_t> reads{0};
    std::atomic<uint64_t> guessed_bytes{0};  // of those read: before it was known that they are needed
    std::atomic<uint64_t> wasted_bytes{0};   // of those: they were not needed
    /** Nanoseconds from the beginning of the first pass over the model to the end of its first layer. */
    std::atomic<uint64_t> first_layer{0};
};

}  // namespace flash
