#pragma once

#include "compute/workers.h"
#include "ggml.h"
#include "reader/read_queue.h"

namespace flash {

/**
 * Whether flash attention can be divided by heads, each computed as llama.cpp does with one thread. Not for a single
 * token after a long context: there ggml's threads divide the context, and round by their number.
 */
bool attends_by_head(const ggml_tensor* node);

/** Computes it on all workers. Where attends_by_head. */
ggml_status attend_by_head(Workers& workers, const ggml_tensor* node, const Stop& stop);

}  // namespace flash
