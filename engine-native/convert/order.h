#pragma once

#include <cstdint>
#include <vector>

#include "matrix.h"

namespace flash {

/**
 * An order of a layer's neurons in which those that are active together are neighbours, so that one read brings
 * several: a path that starts at the most active neuron and always goes on to the one that shares the most tokens with
 * the last (a greedy form of the co-activation path of Ripple, arXiv 2410.19274). Neurons that are never active come
 * last.
 * @param products a row for each token; above 0 a neuron is active
 */
std::vector<uint32_t> neuron_order(const Matrix& products);

}  // namespace flash
