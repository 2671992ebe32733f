#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "reader/reader.h"

namespace flash {

/** One read and what became of it. Whoever submits it keeps it alive and in place until it is done or withdrawn. */
struct ReadRequest {
    const Reader* file = nullptr;
    uint64_t offset = 0;  // bytes
    uint64_t size = 0;    // bytes
    Room room{nullptr, 0};

    enum class State : uint8_t { Idle, Queued, Running, Done, Failed };
    State state = State::Idle;      // guarded by the queue
    const uint8_t* data = nullptr;  // when Done: where in the room the bytes begin
    std::string error;              // when Failed
};

/**
 * Direct reads with several in flight, in the order of submission. A pool of threads that pread: containers often
 * forbid io_uring, and with requests of hundreds of kilobytes the disk is the limit, not the system call.
 */
class ReadQueue {
  public:
    /** Reads in flight at once, which is how many threads it has. */
    static constexpr unsigned kDepth = 8;

    ReadQueue();
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
    void work();

    std::mutex mutex_;
    std::condition_variable submitted_;
    std::condition_variable finished_;
    std::deque<ReadRequest*> queue_;
    bool closing_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace flash
