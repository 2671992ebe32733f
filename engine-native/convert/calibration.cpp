#include "calibration.h"

#include <algorithm>
#include <stdexcept>

#include "footprint.h"
#include "ggml.h"

namespace flash {
namespace {

constexpr uint32_t kPromptTokens = 32;

/** The layer that this node multiplies a matrix of, by the matrix's name. */
const Block* block_of(const ggml_tensor* node, const std::vector<Block>& blocks, const TensorInfo* Block::*matrix) {
    if (node->op != GGML_OP_MUL_MAT) return nullptr;
    const auto found = std::find_if(blocks.begin(), blocks.end(),
                                    [&](const Block& block) { return (block.*matrix)->name == node->src[0]->name; });
    return found == blocks.end() ? nullptr : &*found;
}

bool is_squared_relu(const ggml_tensor* down, const Block& block) {
    const ggml_tensor* square = down->src[1];
    if (square->op != GGML_OP_SQR) return false;
    const ggml_tensor* relu = square->src[0];
    if (relu->op != GGML_OP_UNARY || ggml_get_unary_op(relu) != GGML_UNARY_OP_RELU) return false;
    const ggml_tensor* product = relu->src[0];
    if (block.bias != nullptr) {
        if (product->op != GGML_OP_ADD || block.bias->name != product->src[1]->name) return false;
        product = product->src[0];
    }
    return product->op == GGML_OP_MUL_MAT && block.up->name == product->src[0]->name;
}

}  // namespace

std::vector<std::vector<int32_t>> held_out_windows(const Calibration& calibration) {
    const auto count = static_cast<std::ptrdiff_t>(std::max<size_t>(1, calibration.windows.size() / 4));
    return {calibration.windows.end() - count, calibration.windows.end()};
}

Calibration calibrate(const std::string& model_path, const std::vector<Block>& blocks, const std::string& text,
                      uint64_t most_tokens, int threads,
                      const std::function<void(uint64_t done, uint64_t total)>& progress) {
    Calibration calibration;
    Observer observer;
    observer.wants = [&](const ggml_tensor* node) {
        if (const Block* block = block_of(node, blocks, &Block::down)) {
            calibration.squared_relu = calibration.squared_relu && is_squared_relu(node, *block);
        }
        return block_of(node, blocks, &Block::up) != nullptr;
    };
    observer.sees = [&](const ggml_tensor* node) {
        const ggml_tensor* input = node->src[1];
        Matrix& inputs = calibration.inputs[block_of(node, blocks, &Block::up)->layer];
        inputs.columns = input->ne[0];
        for (int64_t token = 0; token < input->ne[1]; token++) {
            const auto* row = reinterpret_cast<const float*>(static_cast<const uint8_t*>(input->data) +
                                                             static_cast<size_t>(token) * input->nb[1]);
            inputs.data.insert(inputs.data.end(), row, row + input->ne[0]);
            inputs.rows++;
        }
    };
    Session session(model_path, kWindowTokens, threads, false, observer);
    std::vector<int32_t> tokens = session.tokenize(text);
    if (tokens.size() < kFewestTokens) {
        throw std::runtime_error("the calibration text has " + std::to_string(tokens.size()) + " tokens: give one of " +
                                 std::to_string(kFewestTokens) + " or more");
    }
    tokens.resize(std::min<uint64_t>(tokens.size(), most_tokens));
    for (size_t begin = 0; begin < tokens.size(); begin += kWindowTokens) {
        const size_t end = std::min<size_t>(tokens.size(), begin + kWindowTokens);
        calibration.windows.emplace_back(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                                         tokens.begin() + static_cast<std::ptrdiff_t>(end));
    }
    const size_t held_out = calibration.windows.size() - held_out_windows(calibration).size();
    Prediction ignored;
    for (size_t i = 0; i < calibration.windows.size(); i++) {
        progress(i, calibration.windows.size());
        session.predict(calibration.windows[i], i < held_out ? ignored : calibration.held_out);
        if (!calibration.squared_relu || calibration.inputs.size() < blocks.size()) return calibration;
    }
    const std::vector<int32_t>& last = calibration.windows.front();
    calibration.prompt.assign(
        last.begin(), last.begin() + std::min<std::ptrdiff_t>(kPromptTokens, static_cast<std::ptrdiff_t>(last.size())));
    // Without an observer, for which llama.cpp would compute in as many parts as there are layers, token by token.
    Session plain(model_path, kWindowTokens, threads, false, {});
    calibration.continuation = plain.continue_greedily(calibration.prompt, kVerifiedTokens);
    return calibration;
}

}  // namespace flash
