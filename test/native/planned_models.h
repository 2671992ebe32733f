#pragma once

#include <cstdint>
#include <string>

#include "plan/plan.h"

namespace flint {

// Models for tests of plans: their headers alone, of which no file is read.

constexpr uint32_t kTwoThreads = 2;

void add_tensor(flash::Model& model, const std::string& name, ggml_type type, int64_t width, int64_t rows,
                int64_t depth = 1);

/** The shape of TinyLlama in Q4_0, but with as many heads for keys and values as for queries: 620 MB. */
flash::Model dense_model();
/** A mixture of 32 experts, of which a token uses 4, in 12 layers: 1.2 GB. */
flash::Model moe_model();

uint64_t total_bytes(const flash::Model& model);
/** Of the tensors that the plan has placed there. */
uint64_t sum_of(const flash::Model& model, const flash::Plan& plan, flash::Placement placement);

}  // namespace flint
