#include "neurons/turns.h"

#include <chrono>

namespace flash {
namespace {

/** How soon a computation that waits sees that it should stop. */
constexpr std::chrono::milliseconds kStopInterval(50);

}  // namespace

Turns::Turn::~Turn() {
    if (turns_ == nullptr) return;
    const std::lock_guard lock(turns_->mutex_);
    turns_->taken_ = false;
    turns_->changed_.notify_all();
}

Turns::Turn Turns::computation(const std::function<bool()>& stop) {
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

Turns::Turn Turns::background() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || (!taken_ && waiting_ == 0); });
    if (closed_) return {};
    taken_ = true;
    return Turn(*this);
}

bool Turns::wanted() {
    const std::lock_guard lock(mutex_);
    return closed_ || waiting_ > 0;
}

void Turns::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

bool Turns::closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
}

}  // namespace flash
