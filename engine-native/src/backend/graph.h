#pragma once

#include <memory>

#include "backend/served_model.h"
#include "compute/processor_load.h"
#include "compute/workers.h"
#include "ggml-backend.h"

namespace flash {

/** The state of the backend in one of llama.cpp's contexts. */
struct FlashBackend {
    std::shared_ptr<ServedModel> served;  // whose weights it computes with; null where llama.cpp keeps all of them
    Workers workers;
    ProcessorLoad load;
    ggml_abort_callback abort_callback = nullptr;
    void* abort_data = nullptr;

    bool should_abort() const;
};

/**
 * Computes a graph node by node: what uses a weight on flash as its kind is served (streamed, by experts, by neurons),
 * all else with ggml's own kernels. A read that failed ends it with
 * GGML_STATUS_FAILED, and the model keeps the message.
 */
ggml_status compute(FlashBackend& context, ggml_cgraph* graph);

}  // namespace flash
