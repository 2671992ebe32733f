#pragma once

#include "backend/served_model.h"
#include "compute/workers.h"
#include "ggml.h"

namespace flash {

// Guessed tokens are checked in one pass over the weights. ggml's kernels for several tokens divide the work, and
// round, otherwise than those for one, so each token is computed alone: what is accepted is what decoding would have
// given.

/** Whether a batch of so many tokens is computed token by token. Never where the model is null: llama.cpp computes it.
 */
bool by_token(const ServedModel* model, int64_t tokens);

/** Whether this is attention of such a batch. */
bool attends_by_token(const ServedModel* model, const ggml_tensor* node);

/** Computes attention of each token of the batch alone. */
ggml_status attend_by_token(const Kernel& kernel, const ggml_tensor* node);

}  // namespace flash
