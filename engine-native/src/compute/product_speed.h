#pragma once

#include "plan/plan.h"

namespace flash {

/** Matrices of one type and shape. */
struct MatrixKind {
    TensorInfo matrix;      // one of them, or one expert
    double used_bytes = 0;  // of all of them, for one token
};

/** The kinds of matrices in a model, those first that a token uses most of. */
std::vector<MatrixKind> matrix_kinds(const Model& model);

/** Bytes that measuring may take: less than the plan's own memory, which is not taken yet. */
uint64_t measuring_room(const Model& model, const Plan& plan);

/** What decoding takes on this processor, without the disk, in seconds: products and what is between them. */
struct TokenSeconds {
    double first = 0;  // a token, which brings the weights from memory
    double next = 0;   // one more in the same pass, which finds them in a cache
};

/**
 * Measures it with the kernels that the plan leads to: those for weights as they are in the file, or, where llama.cpp
 * keeps all weights, those for its own layouts. For half a second at most, in memory that the plan has anyway. Zeros
 * where the model has no matrices.
 */
Result<TokenSeconds> measure_token(const Model& model, const Plan& plan, uint32_t threads);

}  // namespace flash
