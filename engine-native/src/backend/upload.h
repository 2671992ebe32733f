#pragma once

#include "ggml-backend-impl.h"

namespace flash {

/**
 * What llama.cpp wants of a device in order to bring it weights in pieces of 64 MiB. By default each tensor comes
 * through two copies of its whole size, which would be the peak of the process: 590 MB for the output of a Llama-3 8B.
 * llama.cpp fills four buffers in turn while earlier ones are uploaded. Our upload is done when its call returns, so
 * all four are the same memory.
 */
struct Upload {
    static ggml_backend_buffer_type_t buffer_type(ggml_backend_dev_t device);

    // Events that have always happened.
    static ggml_backend_event_t event_new(ggml_backend_dev_t device);
    static void event_free(ggml_backend_dev_t device, ggml_backend_event_t event);
    static void event_record(ggml_backend_t backend, ggml_backend_event_t event);
    static void event_synchronize(ggml_backend_dev_t device, ggml_backend_event_t event);
};

}  // namespace flash
