#include "reader/read_queue.h"

#include <algorithm>
#include <chrono>

namespace flash {
namespace {

using State = ReadRequest::State;

/** How soon a waiter sees that it should stop, when the disk says nothing. */
constexpr std::chrono::milliseconds kStopInterval(50);

bool settled(const ReadRequest& request) { return request.state == State::Done || request.state == State::Failed; }

}  // namespace

ReadQueue::ReadQueue() {
    for (unsigned i = 0; i < kDepth; i++) threads_.emplace_back([this] { work(); });
}

ReadQueue::~ReadQueue() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        queue_.clear();
    }
    submitted_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void ReadQueue::submit(ReadRequest& request) {
    {
        const std::lock_guard lock(mutex_);
        request.state = State::Queued;
        queue_.push_back(&request);
    }
    submitted_.notify_one();
}

State ReadQueue::wait(ReadRequest& request, const std::function<bool()>& stop) {
    std::unique_lock lock(mutex_);
    while (!finished_.wait_for(lock, kStopInterval, [&] { return settled(request); })) {
        if (stop()) break;
    }
    return request.state;
}

void ReadQueue::withdraw(ReadRequest& request) {
    std::unique_lock lock(mutex_);
    queue_.erase(std::remove(queue_.begin(), queue_.end(), &request), queue_.end());
    finished_.wait(lock, [&] { return request.state != State::Running; });
    request.state = State::Idle;
}

void ReadQueue::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        submitted_.wait(lock, [&] { return closing_ || !queue_.empty(); });
        if (closing_) return;
        ReadRequest& request = *queue_.front();
        queue_.pop_front();
        request.state = State::Running;
        lock.unlock();
        const auto data = request.file->read(request.offset, request.size, request.room);
        lock.lock();
        if (data) {
            request.data = *data;
            request.state = State::Done;
        } else {
            request.error = data.error().message;
            request.state = State::Failed;
        }
        finished_.notify_all();
    }
}

}  // namespace flash
