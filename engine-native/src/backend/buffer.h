#pragma once

#include <optional>

#include "backend/engine.h"
#include "ggml-backend.h"

namespace flash {

/** Ours: llama.cpp knows a buffer type's device. Defined with the device. */
ggml_backend_dev_t registered_device();

/** Addresses that nothing may touch, but for pinned weights: these are where llama.cpp puts them. */
ggml_backend_buffer_type_t flash_buffer_type();

/** Whether an operation may use one of our weights. */
bool is_matrix_operation(const ggml_tensor* op);

/** A weight of ours that an operation uses, and what serves it. */
struct Weight {
    const TensorInfo* info;
    Served* served;
};

/** Nothing when the weight that `op` uses is none of ours, or not for this operation. */
std::optional<Weight> find_weight(const ggml_tensor* op);

}  // namespace flash
