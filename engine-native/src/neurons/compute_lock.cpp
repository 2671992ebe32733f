#include "neurons/compute_lock.h"

#include <chrono>

namespace flash {
namespace {

/** How soon a computation that waits sees that it should stop. */
constexpr std::chrono::milliseconds kStopInterval(50);

}  // namespace

ComputeLock::Turn::~Turn() {
    if (turns_ == nullptr) return;
    const std::lock_guard lock(turns_->mutex_);
    turns_->taken_ = false;
    turns_->changed_.notify_all();
}

ComputeLock::Turn ComputeLock::computation(const Stop& stop) {
    std::unique_lock lock(mutex_);
    waiting_++;
    bool free = false;
    do {
        free = changed_.wait_for(lock, kStopInterval, [&] { return !taken_; });
    } while (!free && !stop());
    waiting_--;
    if (!free) {
        // The background may wait for there to be nobody.
        changed_.notify_all();
        return {};
    }
    taken_ = true;
    return Turn(*this);
}

ComputeLock::Turn ComputeLock::background() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || (!taken_ && waiting_ == 0); });
    if (closed_) return {};
    taken_ = true;
    return Turn(*this);
}

bool ComputeLock::wanted() {
    const std::lock_guard lock(mutex_);
    return closed_ || waiting_ > 0;
}

void ComputeLock::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

bool ComputeLock::closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
}

}  // namespace flash
