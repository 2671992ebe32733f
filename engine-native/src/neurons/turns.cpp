#include "neurons/turns.h"

namespace flash {

Turns::Turn::Turn(Turns& turns) : turns_(turns) {
    {
        const std::lock_guard lock(turns_.mutex_);
        turns_.computations_++;
    }
    lock_ = std::unique_lock(turns_.use_);
}

Turns::Turn::~Turn() {
    lock_.unlock();
    const std::lock_guard lock(turns_.mutex_);
    turns_.computations_--;
    turns_.changed_.notify_all();
}

std::unique_lock<std::mutex> Turns::background() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || computations_ == 0; });
    if (closed_) return {};
    return std::unique_lock(use_);
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
