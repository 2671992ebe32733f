#pragma once

#include <map>
#include <string>
#include <vector>

#include "session.h"
#include "source.h"

namespace flash {

/** What a model did with the calibration text. */
struct Calibration {
    std::map<uint32_t, Matrix> inputs;          // of feed-forward blocks, by layer: a row for each token
    std::vector<std::vector<int32_t>> windows;  // of tokens
    Prediction held_out;                        // of the windows of the last quarter
    std::vector<int32_t> prompt;                // for verifying
    std::vector<int32_t> continuation;          // of the prompt, by the source
    bool squared_relu = true;                   // all blocks are down(relu(up(x))²)
};

/** The windows of the last quarter, to which nothing is fitted. */
std::vector<std::vector<int32_t>> held_out_windows(const Calibration& calibration);

/** Tokens of a window. */
constexpr uint32_t kWindowTokens = 512;
/** Of the greedy continuation that the converted model must agree with. */
constexpr uint32_t kVerifiedTokens = 64;

/** Runs the model over at most so many tokens of the text. */
Calibration calibrate(const std::string& model_path, const std::vector<Block>& blocks, const std::string& text,
                      uint64_t most_tokens, int threads,
                      const std::function<void(uint64_t done, uint64_t total)>& progress);

}  // namespace flash
