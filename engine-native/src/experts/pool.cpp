#include "experts/pool.h"

#include <algorithm>

namespace flash {

ExpertPool::ExpertPool(uint64_t budget_bytes, uint64_t smallest_bundle, uint64_t largest_bundle, Leave leave)
    : budget_(budget_bytes), stride_(align_up(largest_bundle, kReadAlignment)), leave_(std::move(leave)) {
    const bool even = smallest_bundle == largest_bundle;
    // Twice what the largest experts would need: experts of half that size fill the budget too.
    const uint64_t count = stride_ == 0 ? 0 : (even ? 1 : 2) * budget_ / stride_;
    if (count == 0) return;
    memory_ = AddressRange(count * stride_, false);
    if (memory_.size() == 0) return;
    // The kernel pins what a read fills page by page. But a large page must not reach into a neighbour's unused memory.
    prefer_large_pages(memory_.data(), memory_.size(), even);
    slots_.resize(count);
    vacant_.reserve(count);
    for (uint64_t i = count; i > 0; i--) vacant_.push_back(static_cast<uint32_t>(i - 1));
}

uint8_t* ExpertPool::find(uint32_t expert) const {
    const auto found = residents_.find(expert);
    return found == residents_.end() ? nullptr : memory_of(found->second.slot);
}

bool ExpertPool::resize(uint32_t slot, uint64_t size) {
    uint64_t& bytes = slots_[slot].bytes;
    if (size < bytes) memory_.give_back(memory_of(slot) + size, bytes - size);
    if (size > bytes && !memory_.open(memory_of(slot) + bytes, size - bytes)) return false;
    bytes_ = bytes_ - bytes + size;
    bytes = size;
    return true;
}

uint32_t ExpertPool::vacancy(uint64_t size) {
    for (size_t i = vacant_.size(); i > 0; i--) {
        const uint32_t slot = vacant_[i - 1];
        if (bytes_ - slots_[slot].bytes + size <= budget_) {
            vacant_.erase(vacant_.begin() + static_cast<std::ptrdiff_t>(i - 1));
            return slot;
        }
        if (slots_[slot].bytes == 0) break;  // so it is with all before
    }
    return static_cast<uint32_t>(slots_.size());
}

bool ExpertPool::evict_one() {
    if (leaving_.empty()) return false;
    const uint32_t expert = leaving_.begin()->second;
    leave_(expert);
    drop(expert);
    return true;
}

uint8_t* ExpertPool::admit(uint32_t expert, uint64_t size, double rank, bool evict) {
    if (size > stride_ || size > budget_) return nullptr;
    uint32_t slot = vacancy(size);
    while (slot == slots_.size()) {
        if (!evict || !evict_one()) return nullptr;
        slot = vacancy(size);
        if (slot < slots_.size()) break;
        // Memory of several smaller ones becomes that of a larger one.
        resize(vacant_.back(), 0);
        std::rotate(vacant_.begin(), vacant_.end() - 1, vacant_.end());
    }
    if (!resize(slot, size)) {
        vacant_.push_back(slot);
        return nullptr;
    }
    residents_[expert] = {slot, rank, true};
    return memory_of(slot);
}

void ExpertPool::hold(uint32_t expert) {
    Resident& resident = residents_.at(expert);
    if (resident.held) return;
    leaving_.erase({resident.rank, expert});
    resident.held = true;
}

void ExpertPool::release(uint32_t expert, double rank) {
    Resident& resident = residents_.at(expert);
    if (!resident.held) leaving_.erase({resident.rank, expert});
    resident.held = false;
    resident.rank = rank;
    leaving_.insert({rank, expert});
}

void ExpertPool::drop(uint32_t expert) {
    const auto found = residents_.find(expert);
    if (found == residents_.end()) return;
    if (!found->second.held) leaving_.erase({found->second.rank, expert});
    vacant_.push_back(found->second.slot);
    residents_.erase(found);
}

}  // namespace flash
