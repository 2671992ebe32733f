#include "plan/neuron_budget.h"

#include <algorithm>

namespace flash {
namespace {

/** Of a window's books, for each neuron. */
constexpr uint64_t kBookBytes = 36;

}  // namespace

uint64_t neuron_fetch_bytes() { return kNeuronRooms * Reader::room_bytes(kLargestRun); }

uint64_t neuron_fixed_bytes(const Store& store, Sparsity sparsity) {
    uint64_t bytes = neuron_fetch_bytes();
    for (const NeuronLayer& layer : store.layers) {
        bytes += layer.record.resident_bytes + layer.record.neurons * kBookBytes;
        if (sparsity != Sparsity::Predict) bytes -= layer.predictor_bytes();
    }
    return bytes;
}

uint64_t neuron_bytes(const Store& store, Sparsity sparsity) {
    uint64_t bytes = 0;
    for (const NeuronLayer& layer : store.layers) {
        bytes += layer.record.neurons * (sparsity == Sparsity::Predict ? layer.bundle_bytes() : layer.down_bytes);
    }
    return bytes;
}

double expected_active(const NeuronLayer& layer, const ResidentPart& part, Sparsity sparsity) {
    const auto neurons = static_cast<double>(layer.record.neurons);
    if (sparsity == Sparsity::Dense) return neurons;
    double active = 0;
    for (uint32_t i = 0; i < layer.record.neurons; i++) active += part.frequency[i];
    return sparsity == Sparsity::Predict ? neurons * static_cast<double>(layer.record.figures.predicted) : active;
}

std::vector<uint32_t> share_windows(const std::vector<LayerDemand>& layers, uint64_t bytes) {
    const auto capacities = [&](double tokens) {
        std::vector<uint32_t> result;
        for (const LayerDemand& layer : layers) {
            const double wanted = std::max(1.0, layer.active) * tokens;
            result.push_back(static_cast<uint32_t>(std::min(static_cast<double>(layer.neurons), wanted)));
        }
        return result;
    };
    const auto fits = [&](const std::vector<uint32_t>& rows) {
        uint64_t sum = 0;
        for (size_t i = 0; i < rows.size(); i++) sum += rows[i] * layers[i].bytes;
        return sum <= bytes;
    };
    double low = 0;
    double high = 1;
    for (const LayerDemand& layer : layers) high = std::max(high, layer.neurons / std::max(1.0, layer.active));
    high = std::max(high, 1.0) + 1;
    if (fits(capacities(high))) return capacities(high);
    for (int step = 0; step < 40; step++) {
        const double middle = (low + high) / 2;
        (fits(capacities(middle)) ? low : high) = middle;
    }
    return capacities(low);
}

}  // namespace flash
