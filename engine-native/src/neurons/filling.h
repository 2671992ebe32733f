#pragma once

#include <functional>

#include "neurons/fetch.h"
#include "neurons/window.h"
#include "store/store.h"

namespace flash {

/** Whether these bytes are the neuron's that was converted. `up` may be null, where only its column was read. */
bool is_intact(const NeuronLayer& layer, const ResidentPart& resident, uint32_t neuron, const uint8_t* up,
               const uint8_t* down);

/** What was read to fill a window. */
struct Filling {
    uint64_t reads = 0;
    uint64_t bytes = 0;
    bool paused = false;  // there is more to be read
};

/** Who fills is asked now and then. */
struct FillingControl {
    std::function<bool()> pause;  // true: what is being read is still taken in, no more is begun
    std::function<bool()> stop;   // true: filling ends at once
};

/**
 * Brings those neurons into the rows of a window that are empty which calibration found active most often: otherwise
 * the first tokens would. Ends early when `control` says so, or when the store cannot be read or is damaged: who needs
 * the neuron will say that.
 * @param part of a neuron that is read: its column, or with_up all of it
 */
Filling fill(Window& window, const NeuronLayer& layer, const ResidentPart& resident, const Part& part, bool with_up,
             uint64_t gap, Fetch& fetch, const FillingControl& control);

}  // namespace flash
