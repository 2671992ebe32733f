#include "reader/read_queue.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "platform/scheduling.h"

namespace flash {
namespace {

using State = ReadRequest::State;

/** How soon a waiter notices that it should stop while no read ends. */
constexpr std::chrono::milliseconds kStopInterval(50);

using Clock = std::chrono::steady_clock;

/** Of turns in the background: after all others. */
constexpr uint64_t kBackgroundTurn = 1ULL << 63;

std::atomic<uint64_t> busy{0};             // nanoseconds
std::atomic<uint64_t> all_read{0};         // bytes
std::atomic<unsigned> all_under_way{0};    // pieces, or reads of threads, of all queues
std::atomic<Clock::time_point> last_sign;  // when the first of these began, or one ended since

bool settled(const ReadRequest& request) { return request.state == State::Done || request.state == State::Failed; }

}  // namespace

ReadQueue::ReadQueue(Method method, uint64_t bytes_in_flight)
    : most_in_flight_(bytes_in_flight), uring_(method == Method::Best ? Uring::open(kDepth) : nullptr) {
    for (Piece& piece : pieces_) free_pieces_.push_back(&piece);
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
        while (!queue_.empty()) dequeue(*queue_.begin()->second);
    }
    submitted_.notify_all();
    if (uring_) uring_->wake();
    for (std::thread& thread : threads_) thread.join();
}

void ReadQueue::submit(ReadRequest& request, Lane lane) {
    const std::lock_guard lock(mutex_);
    request.state = State::Queued;
    request.begun = 0;
    request.error.clear();
    enqueue(request, lane);
}

void ReadQueue::enqueue(ReadRequest& request, Lane lane) {
    request.turn = ++last_turn_ | (lane == Lane::Background ? kBackgroundTurn : 0);
    queue_.emplace(request.turn, &request);
    // Otherwise it starts with the requests before it, or when a running one ends.
    if (!uring_ || (queue_.begin()->second == &request && may_begin())) wake();
}

void ReadQueue::wake() {
    if (uring_)
        uring_->wake();
    else
        submitted_.notify_one();
}

void ReadQueue::dequeue(ReadRequest& request) {
    if (request.turn != 0) queue_.erase(std::exchange(request.turn, 0));
}

void ReadQueue::promote(ReadRequest& request) {
    const std::lock_guard lock(mutex_);
    if (request.turn < kBackgroundTurn) return;
    dequeue(request);
    enqueue(request, Lane::Awaited);
}

void ReadQueue::resume(ReadRequest& request) {
    const std::lock_guard lock(mutex_);
    if (request.turn != 0) return;
    const auto extent = Reader::extent(request.offset, request.size, request.room);
    const bool begun_in_part =
        uring_ && request.state == State::Running && extent && request.begun < extent->length && request.error.empty();
    if (request.state == State::Queued || begun_in_part) enqueue(request, Lane::Awaited);
}

State ReadQueue::wait(ReadRequest& request, const Stop& stop) {
    std::unique_lock lock(mutex_);
    while (!finished_.wait_for(lock, kStopInterval, [&] { return settled(request); })) {
        if (stop()) break;
    }
    return request.state;
}

State ReadQueue::state(const ReadRequest& request) {
    const std::lock_guard lock(mutex_);
    return request.state;
}

void ReadQueue::cancel(ReadRequest& request) {
    const std::lock_guard lock(mutex_);
    dequeue(request);
}

State ReadQueue::withdraw(ReadRequest& request) {
    cancel(request);
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [&] { return request.running == 0; });
    return std::exchange(request.state, State::Idle);
}

bool ReadQueue::withdraw(ReadRequest& request, const Stop& stop) {
    cancel(request);
    std::unique_lock lock(mutex_);
    while (!finished_.wait_for(lock, kStopInterval, [&] { return request.running == 0; })) {
        if (stop()) return false;
    }
    request.state = State::Idle;
    return true;
}

uint64_t ReadQueue::busy_nanoseconds() { return busy; }

uint64_t ReadQueue::read_bytes() { return all_read; }

uint64_t ReadQueue::stalled_nanoseconds() {
    if (all_under_way == 0) return 0;
    return static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - last_sign.load()).count());
}

void ReadQueue::note_begin() {
    if (under_way_++ == 0) busy_since_ = Clock::now();
    // The time first: a reader in between must not see an old one.
    if (all_under_way == 0) last_sign = Clock::now();
    all_under_way++;
}

void ReadQueue::note_end() {
    const auto now = Clock::now();
    last_sign = now;
    all_under_way--;
    busy += static_cast<uint64_t>(std::chrono::nanoseconds(now - busy_since_).count());
    busy_since_ = now;
    under_way_--;
}

void ReadQueue::settle(ReadRequest& request, const Result<const uint8_t*>& data) {
    if (data) {
        request.data = *data;
        request.state = State::Done;
    } else {
        request.error = data.error().message;
        request.state = State::Failed;
    }
    finished_.notify_all();
}

void ReadQueue::read(ReadRequest& request, bool awaited, std::unique_lock<std::mutex>& lock) {
    request.state = State::Running;
    request.begun = request.size;
    request.running = 1;
    if (awaited) awaited_++;
    note_begin();
    lock.unlock();
    const auto data = request.file->read(request.offset, request.size, request.room);
    lock.lock();
    note_end();
    if (data) all_read += request.size;
    if (awaited) awaited_--;
    // A background request may be allowed to begin now.
    if (may_begin()) wake();
    request.running = 0;
    settle(request, data);
}

void ReadQueue::read_now(ReadRequest& request) {
    std::unique_lock lock(mutex_);
    request.error.clear();
    read(request, true, lock);
}

void ReadQueue::read_by_thread() {
    run_when_woken();
    std::unique_lock lock(mutex_);
    while (true) {
        submitted_.wait(lock, [&] { return closing_ || may_begin(); });
        if (closing_) return;
        ReadRequest& request = *queue_.begin()->second;
        const bool awaited = request.turn < kBackgroundTurn;
        dequeue(request);
        read(request, awaited, lock);
    }
}

bool ReadQueue::may_begin() const {
    if (queue_.empty() || free_pieces_.empty()) return false;
    const bool awaited = queue_.begin()->first < kBackgroundTurn;
    if (!uring_) return awaited || under_way_ == 0;
    if (awaited) return bytes_in_flight_ < most_in_flight_;
    return awaited_ == 0 && bytes_in_flight_ < std::min(most_in_flight_, kBackgroundBytes);
}

void ReadQueue::begin_queued() {
    while (may_begin()) {
        ReadRequest& request = *queue_.begin()->second;
        const auto extent = Reader::extent(request.offset, request.size, request.room);
        if (!extent) {
            dequeue(request);
            settle(request, extent.error());
            continue;
        }
        Piece& piece = *free_pieces_.back();
        free_pieces_.pop_back();
        piece = {&request, request.begun,
                 static_cast<uint32_t>(std::min<uint64_t>(kPieceBytes, extent->length - request.begun)),
                 request.turn < kBackgroundTurn};
        request.state = State::Running;
        request.begun += piece.length;
        request.running++;
        bytes_in_flight_ += piece.length;
        if (piece.awaited) awaited_++;
        note_begin();
        if (request.begun == extent->length) dequeue(request);
        begin(piece, extent->begin);
    }
}

void ReadQueue::begin(Piece& piece, uint64_t extent_begin) {
    const ReadRequest& request = *piece.request;
    uring_->read(static_cast<int>(request.file->file().handle()), extent_begin + piece.at, request.room.data + piece.at,
                 piece.length, !request.file->direct(), &piece);
}

void ReadQueue::end(Piece& piece, int32_t result) {
    ReadRequest& request = *piece.request;
    const Reader::Extent extent = *Reader::extent(request.offset, request.size, request.room);
    if (result == -EINTR || result == -EAGAIN) return begin(piece, extent.begin);
    if (result > 0) {
        const auto given = static_cast<uint32_t>(result);
        piece.at += given;
        all_read += given;
        bytes_in_flight_ -= std::min(piece.length, given);
        piece.length -= std::min(piece.length, given);
        // The last block of a file is short.
        if (piece.length > 0 && piece.at < extent.needed) return begin(piece, extent.begin);
    } else if (request.error.empty()) {
        request.error = request.file->failure(extent.begin + piece.at, -result).message;
        dequeue(request);
    }
    bytes_in_flight_ -= piece.length;  // of one that failed, or the last block, which was short
    if (piece.awaited) awaited_--;
    free_pieces_.push_back(&piece);
    note_end();
    if (--request.running > 0) return;
    if (!request.error.empty()) return settle(request, Error{FLASH_READ_FAILED, request.error});
    if (request.begun < extent.length) return finished_.notify_all();  // the rest is queued or was withdrawn
    request.file->drop_cached(extent);
    settle(request, request.room.data + (request.offset - extent.begin));
}

void ReadQueue::read_by_uring() {
    // Beside threads that compute it waited for milliseconds now and then, and the disk for it: 64 ms a token, not 61.
    run_when_woken();
    std::unique_lock lock(mutex_);
    while (true) {
        begin_queued();
        if (closing_ && free_pieces_.size() == kDepth) return;
        lock.unlock();
        uring_->wait();
        lock.lock();
        uring_->take([this](void* piece, int32_t result) { end(*static_cast<Piece*>(piece), result); });
    }
}

}  // namespace flash
