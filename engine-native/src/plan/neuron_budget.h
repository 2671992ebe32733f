#pragma once

#include <cstdint>
#include <vector>

#include "reader/read_queue.h"
#include "store/store.h"

namespace flash {

/** The largest read of neurons, in bytes: more at once would only wait longer for its first neuron. */
constexpr uint64_t kLargestRun = 128ULL << 10;
/** Runs of neurons that may be in flight or in use at once. */
constexpr size_t kNeuronRooms = ReadQueue::kDepth / 2;
/** Bytes of the rooms that runs are read into. */
uint64_t neuron_fetch_bytes();

/** How much of a feed-forward block is computed. */
enum class Sparsity : uint8_t {
    Dense,    // all neurons
    Exact,    // those that are not zero: the up matrix is multiplied whole, of the down matrix the rest is left out
    Predict,  // those that a predictor names
};

/** Bytes that serving a store takes beside its windows. */
uint64_t neuron_fixed_bytes(const Store& store, Sparsity sparsity);
/** Bytes of all its neurons: more is of no use to the windows. */
uint64_t neuron_bytes(const Store& store, Sparsity sparsity);

/** What a layer would do with room for neurons. */
struct LayerDemand {
    uint32_t neurons;
    uint64_t bytes;  // of a neuron in memory
    double active;   // neurons of one token, on average
};

/** Neurons of a token, by calibration. */
double expected_active(const NeuronLayer& layer, const ResidentPart& part, Sparsity sparsity);

/**
 * How many neurons each layer may keep, of `bytes` in all: as many tokens' worth for each, so that the window has the
 * same length everywhere, but never more than the layer has.
 */
std::vector<uint32_t> share_windows(const std::vector<LayerDemand>& layers, uint64_t bytes);

}  // namespace flash
