#include "footprint.h"

#include <algorithm>
#include <string>

namespace flash {
namespace {

constexpr uint64_t kInputBytes = 512ULL << 20;
/** Libraries, vocabulary, context and compute buffers, rounded up. */
constexpr uint64_t kProcessBytes = 192ULL << 20;
constexpr uint64_t kNumber = sizeof(float);
/** Tokens whose logits are kept, as llama.cpp's output and once more in its graph. */
constexpr uint64_t kLogits = uint64_t{2} * 64;

uint64_t all_inputs(const std::vector<Block>& blocks) {
    return blocks.size() * static_cast<uint64_t>(blocks.front().embedding()) * kNumber;
}

}  // namespace

uint64_t fitting_bytes(const std::vector<Block>& blocks, uint64_t vocabulary, uint64_t tokens) {
    uint64_t layer = 0;
    for (const Block& block : blocks) {
        const auto width = static_cast<uint64_t>(block.up->ne[0]);
        const auto neurons = static_cast<uint64_t>(block.up->ne[1]);
        // The inputs as they are, centered, and of the fitted ones rows and columns; products and their estimates, and
        // three candidates' numbers for each product of the last quarter.
        const uint64_t samples = tokens * kNumber * (4 * width + 2 * neurons + 3 * neurons / 4);
        // Up, weighted and its columns; down as it is and as rows.
        const uint64_t matrices = kNumber * (5 * width * neurons + 4 * width * width) + block.up->size;
        layer = std::max(layer, samples + matrices);
    }
    return kProcessBytes + kLogits * vocabulary * kNumber + tokens * all_inputs(blocks) + layer;
}

uint64_t calibration_tokens(const std::vector<Block>& blocks, uint64_t vocabulary, uint64_t cap) {
    uint64_t tokens = std::clamp(kInputBytes / all_inputs(blocks), kFewestTokens, kMostTokens);
    if (cap == 0) return tokens;
    const uint64_t least = fitting_bytes(blocks, vocabulary, kFewestTokens);
    if (cap < least) {
        constexpr uint64_t kMebibyte = 1 << 20;
        throw TooLittleMemory("Converting this model takes at least " +
                              std::to_string((least + kMebibyte - 1) / kMebibyte) + " MiB of memory, the cap is " +
                              std::to_string(cap / kMebibyte) + " MiB. Raise the cap for the conversion.");
    }
    constexpr uint64_t kStep = 256;
    while (fitting_bytes(blocks, vocabulary, tokens) > cap) tokens = std::max(kFewestTokens, tokens - kStep);
    return tokens;
}

}  // namespace flash
