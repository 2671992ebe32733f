#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "reader/reader.h"
#include "reader/uring.h"

namespace flash {

/** One read and what became of it. Whoever submits it keeps it alive and in place until it is done or withdrawn. */
struct ReadRequest {
    const Reader* file = nullptr;
    uint64_t offset = 0;  // bytes
    uint64_t size = 0;    // bytes
    Room room{nullptr, 0};

    enum class State : uint8_t { Idle, Queued, Running, Done, Failed };
    State state = State::Idle;      // guarded by the queue
    uint64_t arrived = 0;           // bytes of its extent; guarded by the queue
    const uint8_t* data = nullptr;  // when Done: where in the room the bytes begin
    std::string error;              // when Failed
};

/**
 * Direct reads with several in flight, begun in the order of submission. One thread hands them to io_uring; where the
 * kernel forbids that, as in many containers, a pool of threads reads: that takes two to four times the processor time,
 * and with small reads the disk gives less.
 */
class ReadQueue {
  public:
    /** Reads in flight at once, at most. */
    static constexpr unsigned kDepth = 32;
    /** Bytes in flight at once, unless a single read has more: beyond, a disk gives no more and all arrive later. */
    static constexpr uint64_t kDepthBytes = 32ULL << 20;
    /** Threads of the pool. */
    static constexpr unsigned kThreads = 8;

    enum class Method : uint8_t { Best, Threads };

    explicit ReadQueue(Method method = Method::Best);
    /** Ends what is running, drops what is queued, joins. */
    ~ReadQueue();

    ReadQueue(const ReadQueue&) = delete;
    ReadQueue& operator=(const ReadQueue&) = delete;

    void submit(ReadRequest& request);

    /** Blocks until the request is done or failed; `stop` is asked now and then, and true ends the wait early. */
    ReadRequest::State wait(ReadRequest& request, const std::function<bool()>& stop);

    /** Afterwards the request is idle, and nothing writes to its room. Waits for a read that runs. */
    void withdraw(ReadRequest& request);

  private:
    /** One of the threads of a pool. */
    void read_by_thread();
    /** The thread that has io_uring. */
    void read_by_uring();
    /** Whether io_uring takes another request. Called with mutex_ held. */
    bool has_room() const { return running_ < kDepth && (running_ == 0 || running_bytes_ < kDepthBytes); }
    /** Hands requests to io_uring as far as the depth allows. Called with mutex_ held. */
    void begin_queued();
    /** Hands over what has not arrived of a request. Called with mutex_ held. */
    void begin(ReadRequest& request);
    /** What a read of a request gave. Called with mutex_ held. */
    void end(ReadRequest& request, int32_t result);
    /** Ends a request of io_uring. Called with mutex_ held. */
    void finish(ReadRequest& request, const Result<const uint8_t*>& data);
    static void settle(ReadRequest& request, const Result<const uint8_t*>& data);

    std::mutex mutex_;
    std::condition_variable submitted_;
    std::condition_variable finished_;
    std::deque<ReadRequest*> queue_;
    unsigned running_ = 0;        // of io_uring
    uint64_t running_bytes_ = 0;  // of io_uring
    bool closing_ = false;
    std::unique_ptr<Uring> uring_;
    std::vector<std::thread> threads_;
};

}  // namespace flash
