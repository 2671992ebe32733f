#pragma once

#include "plan/plan.h"

namespace flash {

/** How fast this machine is with this model's weights, now. Bytes of weights per second. */
struct Speed {
    double disk;     // direct reads, as many in flight as streaming has
    double compute;  // one token, with all that is computed between its products; all threads together
    double check;    // one more token in the same pass, which finds weights in a cache
};

/**
 * Reads what the plan streams, in the order of streaming, for `disk_ms`; multiplies for some tenths of a second.
 * Fails with FLASH_READ_FAILED.
 */
Result<Speed> measure_speed(const Model& model, const Plan& plan, uint32_t threads, uint32_t disk_ms);

/** Bytes of weights that one token is multiplied with. */
double used_bytes_per_token(const Model& model);

/**
 * Bytes that decoding reads for one token. Of a MoE model it depends on the text how many experts are missing: taken is
 * what routing like that of published models gives.
 */
double read_bytes_per_token(const Model& model, const Plan& plan);

}  // namespace flash
