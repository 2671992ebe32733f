#pragma once

#include "ggml-backend.h"
#include "stream/workers.h"

namespace flash {

/** What one of llama.cpp's contexts has of us. */
struct FlashBackend {
    Workers workers;
    ggml_abort_callback abort_callback = nullptr;
    void* abort_data = nullptr;

    bool should_abort() const;
};

/**
 * Computes a graph node by node: what uses a weight on flash as its kind is served (streamed, by experts, by neurons),
 * all else with ggml's own kernels. A read that failed is told to the engine, and ends it with GGML_STATUS_FAILED.
 */
ggml_status compute(FlashBackend& context, ggml_cgraph* graph);

}  // namespace flash
