#pragma once

#include <optional>

#include "backend/served_model.h"
#include "ggml-backend.h"

namespace flash {

/** The device that llama.cpp knows. Here because a buffer type names its device; defined with the others. */
ggml_backend_dev_t registered_device();

/** Its buffers are addresses without memory, except where weights are pinned. */
ggml_backend_buffer_type_t flash_buffer_type();

/** Whether an operation is of a kind that can use a weight on flash. */
bool is_matrix_operation(const ggml_tensor* op);

/** A weight that Flint serves, and the model it belongs to. */
struct Weight {
    const TensorInfo* info;
    ServedModel* served;
};

/** The weight that `op` uses; nothing where llama.cpp keeps it, or where it is served for other operations only. */
std::optional<Weight> find_weight(const ggml_tensor* op);

}  // namespace flash
