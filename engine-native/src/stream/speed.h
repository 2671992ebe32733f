#pragma once

#include "plan/plan.h"

namespace flash {

/** How fast this machine is with this model's weights, now. Bytes per second. */
struct Speed {
    double disk;     // direct reads, as many in flight as streaming has
    double compute;  // products of one token with weights of the model's most common type, all threads together
};

/**
 * Reads what the plan streams, in the order of streaming, for `disk_ms`; multiplies for a few milliseconds.
 * Fails with FLASH_READ_FAILED.
 */
Result<Speed> measure_speed(const Model& model, const Plan& plan, uint32_t threads, uint32_t disk_ms);

/**
 * Tokens per second of decoding: the disk and the arithmetic work at the same time, so the slower one decides.
 * @param streamed bytes read for each token
 */
double estimate_tokens_per_second(const Model& model, const Speed& speed, uint64_t streamed);

}  // namespace flash
