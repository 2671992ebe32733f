#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model_writer.h"

namespace flint {

/** What the numbers of a tensor are like. */
enum class Fill : uint8_t {
    Matrix,  // normal, with a standard deviation of 1/sqrt(row length)
    Norm,    // close to 1
    Bias,    // close to 0
    // Of a model with inactive neurons, as SparseRows has them:
    SparseEmbedding,
    SparseUp,
    SparseOutput,
};

struct Tensor {
    std::string name;
    std::vector<int64_t> ne;
    ggml_type type;
    Fill fill;
    float scale = 1;  // of a matrix or biases
};

/** Whether neurons are squared ReLU, without a gate. */
bool has_squared_relu(const Shape& shape);

/** Whether keys and values are made of a narrow vector that they share: plm's. */
bool is_latent(const Shape& shape);
/** Of latent attention: what is rotated by the position, beside the head's width, and the width of that vector. */
constexpr uint32_t rotated_width(const Shape& shape) { return shape.head_width / 2; }
constexpr uint32_t latent_width(const Shape& shape) { return shape.embedding / 4; }

/** Whether each layer is one thing: nemotron_h_moe's. */
bool is_hybrid(const Shape& shape);
/** What a layer of a hybrid is: the first is recurrent, then experts and attention in turn. */
enum class HybridLayer : uint8_t { Recurrent, Experts, Attention };
HybridLayer hybrid_layer(uint32_t layer);

/** Of recurrent layers, Mamba 2 (llama.cpp's ssm.* keys). The inner size is the embedding's, a head's that of
 * attention. */
constexpr uint32_t kConvolution = 4;
constexpr uint32_t kStates = 16;
constexpr uint32_t kGroups = 1;

/** All tensors of a model, in the order in which they are written. @param vocabulary in tokens */
std::vector<Tensor> model_tensors(const Shape& shape, int64_t vocabulary);

}  // namespace flint
