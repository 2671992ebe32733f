#include "neurons/filling.h"

#include <algorithm>
#include <cstring>

namespace flash {
namespace {

/** The `count` most active by calibration that are not in the window, ascending; none that never were active. */
std::vector<uint32_t> most_active(const Window& window, const NeuronLayer& layer, const ResidentPart& resident,
                                  uint32_t count) {
    std::vector<uint32_t> neurons;
    for (uint32_t i = 0; i < layer.record.neurons; i++) {
        if (resident.frequency[i] > 0 && !window.has(i)) neurons.push_back(i);
    }
    if (neurons.size() > count) {
        // Ties by number, so that a run is repeatable.
        std::nth_element(neurons.begin(), neurons.begin() + count, neurons.end(), [&](uint32_t a, uint32_t b) {
            const float left = resident.frequency[a];
            const float right = resident.frequency[b];
            return left != right ? left > right : a < b;
        });
        neurons.resize(count);
        std::sort(neurons.begin(), neurons.end());
    }
    return neurons;
}

}  // namespace

bool is_intact(const NeuronLayer& layer, const ResidentPart& resident, uint32_t neuron, const uint8_t* up,
               const uint8_t* down) {
    const uint32_t* expected = resident.checksums + size_t{2} * neuron;
    return (up == nullptr || static_cast<uint32_t>(checksum(up, layer.up_bytes)) == expected[0]) &&
           static_cast<uint32_t>(checksum(down, layer.down_bytes)) == expected[1];
}

Filling fill(Window& window, const NeuronLayer& layer, const ResidentPart& resident, const Part& part, bool with_up,
             uint64_t gap, Fetch& fetch, const FillingControl& control) {
    const std::vector<uint32_t> neurons = most_active(window, layer, resident, window.empty_rows());
    const std::vector<Run> runs = runs_of(neurons, part, gap);
    Filling filling;
    if (!fetch.start(runs, control.stop)) return filling;
    // From the pause on what is being read is awaited, and no room is released.
    size_t end = runs.size();
    for (size_t run = 0; run < end; run++) {
        const uint8_t* data = fetch.wait(run, control.stop);
        bool usable = data != nullptr;
        for (uint32_t i = runs[run].first; usable && i < runs[run].first + runs[run].count; i++) {
            const uint8_t* source = data + (part.base + neurons[i] * part.stride - runs[run].offset);
            const uint8_t* up = with_up ? source : nullptr;
            const uint8_t* down = source + (with_up ? layer.up_bytes : 0);
            usable = is_intact(layer, resident, neurons[i], up, down);
            if (!usable) break;
            const uint32_t row = window.take(neurons[i], false);
            if (with_up) std::memcpy(window.up(row), up, layer.up_bytes);
            std::memcpy(window.down(row), down, layer.down_bytes);
        }
        if (!usable) {
            fetch.cancel();
            break;
        }
        filling.reads++;
        filling.bytes += runs[run].size;
        if (!filling.paused && control.pause()) {
            filling.paused = true;
            end = std::min(end, run + kNeuronRooms);
        }
        if (!filling.paused) fetch.release(run + 1);
    }
    filling.paused = filling.paused && end < runs.size();
    return filling;
}

}  // namespace flash
