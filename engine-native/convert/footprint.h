#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "source.h"

namespace flash {

/** The cap is too small to convert this model. */
class TooLittleMemory : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/** Of the calibration text: with fewer a predictor fits nothing, more are hardly better. */
constexpr uint64_t kFewestTokens = 1024;
constexpr uint64_t kMostTokens = 6144;

/**
 * Bytes of memory for fitting with so many tokens of calibration text. The source is mapped and not in it: what of its
 * pages is in memory, the system takes back when it needs to.
 */
uint64_t fitting_bytes(const std::vector<Block>& blocks, uint64_t vocabulary, uint64_t tokens);

/**
 * As many tokens as there is room for, of which the inputs of all blocks take 512 MiB at most. A cap of 0 is none.
 * Throws TooLittleMemory, which names the smallest cap.
 */
uint64_t calibration_tokens(const std::vector<Block>& blocks, uint64_t vocabulary, uint64_t cap);

}  // namespace flash
