#include "reader/read_queue.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace flash {
namespace {

using State = ReadRequest::State;

/** How soon a waiter sees that it should stop, when the disk says nothing. */
constexpr std::chrono::milliseconds kStopInterval(50);

bool settled(const ReadRequest& request) { return request.state == State::Done || request.state == State::Failed; }

}  // namespace

ReadQueue::ReadQueue(Method method) : uring_(method == Method::Best ? Uring::open(kDepth) : nullptr) {
    if (uring_) {
        threads_.emplace_back([this] { read_by_uring(); });
    } else {
        for (unsigned i = 0; i < kThreads; i++) threads_.emplace_back([this] { read_by_thread(); });
    }
}

ReadQueue::~ReadQueue() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        queue_.clear();
    }
    submitted_.notify_all();
    if (uring_) uring_->wake();
    for (std::thread& thread : threads_) thread.join();
}

void ReadQueue::submit(ReadRequest& request) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        request.state = State::Queued;
        queue_.push_back(&request);
        // Otherwise it is begun with those before it, or when one that runs has ended.
        wake = queue_.size() == 1 && has_room();
    }
    if (!uring_)
        submitted_.notify_one();
    else if (wake)
        uring_->wake();
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

void ReadQueue::settle(ReadRequest& request, const Result<const uint8_t*>& data) {
    if (data) {
        request.data = *data;
        request.state = State::Done;
    } else {
        request.error = data.error().message;
        request.state = State::Failed;
    }
}

void ReadQueue::read_by_thread() {
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
        settle(request, data);
        finished_.notify_all();
    }
}

void ReadQueue::begin_queued() {
    while (!queue_.empty() && has_room()) {
        ReadRequest& request = *queue_.front();
        queue_.pop_front();
        request.state = State::Running;
        request.arrived = 0;
        running_++;
        running_bytes_ += request.size;
        begin(request);
    }
}

void ReadQueue::begin(ReadRequest& request) {
    const Reader& reader = *request.file;
    const auto extent = Reader::extent(request.offset, request.size, request.room);
    if (!extent) return finish(request, extent.error());
    uring_->read(reader.file(), extent->begin + request.arrived, request.room.data + request.arrived,
                 extent->length - request.arrived, !reader.direct(), &request);
}

void ReadQueue::end(ReadRequest& request, int32_t result) {
    if (result == -EINTR || result == -EAGAIN) return begin(request);
    const auto extent = Reader::extent(request.offset, request.size, request.room);
    if (!extent) return finish(request, extent.error());
    if (result <= 0) return finish(request, request.file->failure(extent->begin + request.arrived, -result));
    request.arrived += static_cast<uint64_t>(result);
    if (request.arrived < extent->needed) return begin(request);
    request.file->drop_cached(*extent);
    finish(request, request.room.data + (request.offset - extent->begin));
}

void ReadQueue::finish(ReadRequest& request, const Result<const uint8_t*>& data) {
    settle(request, data);
    running_--;
    running_bytes_ -= request.size;
    finished_.notify_all();
}

void ReadQueue::read_by_uring() {
    std::unique_lock lock(mutex_);
    while (true) {
        begin_queued();
        if (closing_ && running_ == 0) return;
        lock.unlock();
        uring_->wait();
        lock.lock();
        uring_->take([this](void* request, int32_t result) { end(*static_cast<ReadRequest*>(request), result); });
    }
}

}  // namespace flash
