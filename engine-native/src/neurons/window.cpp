#include "neurons/window.h"

#include <algorithm>

namespace flash {

Window::Window(uint32_t neurons, uint32_t capacity, uint64_t up_bytes, uint64_t down_bytes)
    : up_bytes_(up_bytes),
      down_bytes_(down_bytes),
      up_(capacity * up_bytes),
      down_(capacity * down_bytes),
      row_of_(neurons, kNone),
      neuron_of_(capacity, kNone),
      last_active_(capacity, 0) {}

bool Window::ready() const { return up_.size() >= capacity() * up_bytes_ && down_.size() >= capacity() * down_bytes_; }

uint32_t Window::free_rows(uint64_t now) const {
    const auto idle =
        std::count_if(last_active_.begin(), last_active_.begin() + touched_, [&](uint64_t last) { return last < now; });
    return static_cast<uint32_t>(idle) + (capacity() - touched_);
}

void Window::make_room(uint32_t count, uint64_t now) {
    const uint32_t ready = empty_rows();
    if (count <= ready) return;
    std::vector<uint32_t> idle;
    for (uint32_t row = 0; row < touched_; row++) {
        if (neuron_of_[row] != kNone && last_active_[row] < now) idle.push_back(row);
    }
    const auto wanted = static_cast<std::ptrdiff_t>(std::min<size_t>(count - ready, idle.size()));
    // Ties by row, so that a run is repeatable.
    std::nth_element(idle.begin(), idle.begin() + wanted, idle.end(), [&](uint32_t a, uint32_t b) {
        return last_active_[a] != last_active_[b] ? last_active_[a] < last_active_[b] : a < b;
    });
    for (auto row = idle.begin(); row != idle.begin() + wanted; ++row) {
        row_of_[neuron_of_[*row]] = kNone;
        neuron_of_[*row] = kNone;
        last_active_[*row] = 0;
        free_.push_back(*row);
        used_--;
    }
}

void Window::clear() {
    std::fill(row_of_.begin(), row_of_.end(), kNone);
    std::fill(neuron_of_.begin(), neuron_of_.end(), kNone);
    std::fill(last_active_.begin(), last_active_.end(), 0);
    free_.clear();
    used_ = touched_ = 0;
}

uint32_t Window::take(uint32_t neuron, uint64_t last_active) {
    uint32_t row = touched_;
    if (free_.empty()) {
        touched_++;
    } else {
        row = free_.back();
        free_.pop_back();
    }
    row_of_[neuron] = row;
    neuron_of_[row] = neuron;
    last_active_[row] = last_active;
    used_++;
    return row;
}

}  // namespace flash
