#pragma once

#include <memory>

#include "backend/served_model.h"

namespace flash {

// Which model llama.cpp is loading. During a load, ggml's devices see the names, types and shapes of weights, on
// whichever thread llama.cpp loads with, and nothing of the file. So only one model can be loaded at a time, and the
// caller names it.

/** False while another model is being loaded. */
bool begin_load(std::shared_ptr<ServedModel> model);

/** Nothing where `model` is not the one that is being loaded. */
void end_load(const ServedModel& model);

/** Null between loads. */
std::shared_ptr<ServedModel> current_load();

}  // namespace flash
