#include "neurons/window.h"

#include <algorithm>

namespace flash {
namespace {

/** Of what was, when one more computation is over: half is left after 22. */
constexpr float kFading = 1 - 1 / 32.0F;
/** Long before numbers end. */
constexpr float kHeaviest = 1e12F;

}  // namespace

Window::Window(uint32_t neurons, uint32_t capacity, uint64_t up_bytes, uint64_t down_bytes, const float* frequency)
    : up_bytes_(up_bytes),
      down_bytes_(down_bytes),
      up_(capacity * up_bytes),
      down_(capacity * down_bytes),
      row_of_(neurons, kNone),
      neuron_of_(capacity, kNone),
      last_active_(capacity, 0),
      heat_(frequency, frequency + neurons) {
    // As if that often for ever.
    for (float& heat : heat_) heat /= 1 - kFading;
}

bool Window::ready() const { return up_.size() >= capacity() * up_bytes_ && down_.size() >= capacity() * down_bytes_; }

void Window::begin() {
    now_++;
    weight_ /= kFading;
    if (weight_ < kHeaviest) return;
    for (float& heat : heat_) heat /= weight_;
    weight_ = 1;
}

uint32_t Window::make_room(const std::vector<uint32_t>& misses, std::vector<uint8_t>& kept) {
    kept.assign(misses.size(), 1);
    const uint32_t ready = empty_rows();
    if (misses.size() <= ready) return static_cast<uint32_t>(misses.size());
    idle_.clear();
    for (uint32_t row = 0; row < touched_; row++) {
        if (neuron_of_[row] != kNone && last_active_[row] < now_) idle_.push_back(row);
    }
    guests_.resize(misses.size());
    for (uint32_t i = 0; i < guests_.size(); i++) guests_[i] = i;
    // Ties by number, so that a run is repeatable.
    std::sort(guests_.begin(), guests_.end(), [&](uint32_t a, uint32_t b) {
        const float left = heat_[misses[a]];
        const float right = heat_[misses[b]];
        return left != right ? left > right : a < b;
    });
    const auto colder = [&](uint32_t a, uint32_t b) {
        const float left = heat_[neuron_of_[a]];
        const float right = heat_[neuron_of_[b]];
        return left != right ? left < right : a < b;
    };
    const size_t most = std::min(misses.size() - ready, idle_.size());
    const auto end = idle_.begin() + static_cast<std::ptrdiff_t>(most);
    std::nth_element(idle_.begin(), end, idle_.end(), colder);
    std::sort(idle_.begin(), end, colder);
    size_t count = ready;
    for (; count < ready + most; count++) {
        const uint32_t row = idle_[count - ready];
        const uint32_t neuron = neuron_of_[row];
        if (heat_[misses[guests_[count]]] <= heat_[neuron]) break;
        row_of_[neuron] = kNone;
        neuron_of_[row] = kNone;
        free_.push_back(row);
        used_--;
    }
    for (size_t i = count; i < guests_.size(); i++) kept[guests_[i]] = 0;
    return static_cast<uint32_t>(count);
}

void Window::clear() {
    std::fill(row_of_.begin(), row_of_.end(), kNone);
    std::fill(neuron_of_.begin(), neuron_of_.end(), kNone);
    free_.clear();
    used_ = touched_ = 0;
}

uint32_t Window::take(uint32_t neuron, bool active) {
    uint32_t row = touched_;
    if (free_.empty()) {
        touched_++;
    } else {
        row = free_.back();
        free_.pop_back();
    }
    row_of_[neuron] = row;
    neuron_of_[row] = neuron;
    last_active_[row] = active ? now_ : 0;
    used_++;
    return row;
}

}  // namespace flash
