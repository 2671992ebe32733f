#pragma once

#include "ggml.h"

namespace flint {

/**
 * Multiplies random rows of this type with random activations, from the rows as they are in the file and from those
 * laid out for a prompt, with the kernels of this processor.
 *
 * Kernels differ in how they round activations and in which order they add; so the two products are close and not the
 * same. Each must be as near to the exact product of the same weights as rounding allows:
 * - A type that is multiplied in integers rounds activations to 8 bits, with one scale for a block: at most half a step
 *   of largest/127 each (and the steps of a float's own 24 bits within the 127). Blocks of 32 keep that scale, and Q4_1
 *   the sum of the block too, in F16, which rounds to 11 bits.
 * - F16 rounds activations to 11 bits, or not at all.
 * - A float sum of n numbers, in any order, is off by at most n units of 2^-24 of the sum of their sizes. Of types with
 * a scale and a minimum a weight is a difference of two numbers, neither larger than twice the block's largest weight.
 * What both may be off together bounds the difference of the two.
 *
 * @param op MUL_MAT, or MUL_MAT_ID: how rows of experts are laid out
 * @throws std::runtime_error when a product is not as near
 */
void check_products(ggml_type type, ggml_op op);

}  // namespace flint
