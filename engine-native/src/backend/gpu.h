#pragma once

#include <vector>

#include "gguf/model.h"

namespace flash {

/** Of the model's types of weights, those that a GPU which llama.cpp may use has no product for. */
std::vector<ggml_type> types_lacking_on_gpus(const Model& model);

/**
 * llama.cpp offers each weight of a layer on a GPU to the GPU first, and node-llama-cpp has no tensor overrides. From
 * now on GPUs decline the experts that the model being loaded has in our pool, and llama.cpp offers them to us.
 */
void keep_experts_off_gpus();

}  // namespace flash
