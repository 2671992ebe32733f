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

/** Called repeatedly while a window is filled. */
struct FillingControl {
    std::function<bool()> pause;  // true: what is being read is still taken in, no more is begun
    std::function<bool()> stop;   // true: filling ends at once
};

/**
 * Fills the empty rows of a window with the neurons that calibration found active most often, so that the first tokens
 * need not read them. Ends early when `control` asks for it, or when the store cannot be read or is damaged: the
 * computation that needs the neuron will report that.
 * @param part of a neuron that is read: its column, or with_up all of it
 */
Filling fill(Window& window, const NeuronLayer& layer, const ResidentPart& resident, const Part& part, bool with_up,
             uint64_t gap, Fetch& fetch, const FillingControl& control);

}  // namespace flash
