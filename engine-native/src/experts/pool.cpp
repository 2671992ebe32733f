#include "experts/pool.h"

#include <sys/mman.h>

#include <algorithm>

namespace flash {

ExpertPool::ExpertPool(uint64_t budget_bytes, uint64_t smallest_bundle, uint64_t largest_bundle)
    : budget_(budget_bytes), stride_(align_up(largest_bundle, kReadAlignment)) {
    const bool even = smallest_bundle == largest_bundle;
    // Twice what the largest experts would need: experts of half that size fill the budget too.
    const uint64_t count = stride_ == 0 ? 0 : (even ? 1 : 2) * budget_ / stride_;
    if (count == 0) return;
    void* memory =
        mmap(nullptr, count * stride_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
#if defined(MADV_HUGEPAGE) && defined(MADV_NOHUGEPAGE)
    // The kernel pins what a read fills page by page. But a large page must not reach into a neighbour's unused memory.
    madvise(memory, count * stride_, even ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#endif
    reserved_ = count * stride_;
    memory_ = static_cast<uint8_t*>(memory);
    slots_.resize(count);
    vacant_.reserve(count);
    for (uint64_t i = count; i > 0; i--) vacant_.push_back(static_cast<uint32_t>(i - 1));
}

ExpertPool::~ExpertPool() {
    if (memory_ != nullptr) munmap(memory_, reserved_);
}

uint8_t* ExpertPool::find(uint32_t expert) const {
    const auto found = residents_.find(expert);
    return found == residents_.end() ? nullptr : memory_of(found->second.slot);
}

void ExpertPool::resize(uint32_t slot, uint64_t size) {
    uint64_t& bytes = slots_[slot].bytes;
    if (size < bytes) madvise(memory_of(slot) + size, bytes - size, MADV_DONTNEED);
    bytes_ = bytes_ - bytes + size;
    bytes = size;
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
    drop(leaving_.begin()->second);
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
    resize(slot, size);
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
