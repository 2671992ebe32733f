#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "reader/reader.h"
#include "reader/uring.h"

namespace flash {

/** Called repeatedly while something computes or waits for the disk; true ends that (GGML_STATUS_ABORTED). */
using Stop = std::function<bool()>;

/** One read and its result. The submitter keeps it alive, at the same address, until it is done or withdrawn. */
struct ReadRequest {
    const Reader* file = nullptr;
    uint64_t offset = 0;  // bytes
    uint64_t size = 0;    // bytes
    Room room{nullptr, 0};

    enum class State : uint8_t { Idle, Queued, Running, Done, Failed };
    State state = State::Idle;      // guarded by the queue
    uint64_t begun = 0;             // bytes that the kernel was asked for; guarded by the queue
    uint64_t turn = 0;              // while any of it is queued: the lowest is begun next; guarded by the queue
    unsigned running = 0;           // pieces that are under way; guarded by the queue
    const uint8_t* data = nullptr;  // when Done: where in the room the bytes begin
    std::string error;              // when Failed
};

/**
 * Direct reads with several in flight, begun in the order of submission, those that nobody waits for after all others.
 * One thread hands them to io_uring; where the kernel forbids that, as in many containers, a pool of threads reads:
 * that takes two to four times the processor time, and with small reads the disk gives less.
 */
class ReadQueue {
  public:
    /**
     * A read is cut into pieces of this size, in bytes. Disks divide large ones among their channels anyway; a virtual
     * one may not: 13 reads of 864 KiB took 4.5 ms whole, and 3.2 to 3.7 cut.
     */
    static constexpr uint32_t kPieceBytes = 256U << 10;
    /** Pieces that are in flight at once, and their bytes, unless fewer are asked for. */
    static constexpr unsigned kDepth = 128;
    static constexpr uint64_t kMostBytes = uint64_t{kDepth} * kPieceBytes;
    /**
     * In flight of reads that nobody waits for, and only while there are no others: who comes in between waits for
     * these at most. A pool of threads has one such read at a time.
     */
    static constexpr uint64_t kBackgroundBytes = uint64_t{4} * kPieceBytes;
    /** Threads of the pool. */
    static constexpr unsigned kThreads = 8;

    enum class Method : uint8_t { Best, Threads };

    /**
     * @param bytes_in_flight the most with io_uring, not counting the last piece. With fewer, the first read ends
     * sooner: disks serve reads in any order, and a virtual one may report none before it has served all. It costs a
     * twentieth of the bandwidth of continuous reading.
     */
    explicit ReadQueue(Method method = Method::Best, uint64_t bytes_in_flight = kMostBytes);
    /** Ends what is running, drops what is queued, joins. */
    ~ReadQueue();

    ReadQueue(const ReadQueue&) = delete;
    ReadQueue& operator=(const ReadQueue&) = delete;

    /** Background requests are read only while no awaited request is queued. */
    enum class Lane : uint8_t { Awaited, Background };

    void submit(ReadRequest& request, Lane lane = Lane::Awaited);
    /** Moves a background request to the awaited lane. Does nothing to an awaited one. */
    void promote(ReadRequest& request);

    /**
     * Reads on the calling thread, before all that is queued: a few blocks are here before another thread has woken
     * (110 microseconds instead of 350).
     */
    void read_now(ReadRequest& request);

    /** Blocks until the request is done or failed. `stop` is called every 50 ms; true ends the wait early. */
    ReadRequest::State wait(ReadRequest& request, const Stop& stop);

    ReadRequest::State state(const ReadRequest& request);

    /** Stops the part of the request that has not started. Afterwards withdraw or resume it. */
    void cancel(ReadRequest& request);
    /** Queues the cancelled part of the request again, at the end. Does nothing if none was cancelled. */
    void resume(ReadRequest& request);

    /**
     * Afterwards the request is idle, and nothing writes to its room. Waits for a read that runs.
     * @return what it was before
     */
    ReadRequest::State withdraw(ReadRequest& request);
    /** The same; false if `stop`, called every 50 ms, returns true before the running read has ended. */
    bool withdraw(ReadRequest& request, const Stop& stop);

    /** Of all queues since the process started: nanoseconds in which reads were under way, as far as any has ended. */
    static uint64_t busy_nanoseconds();
    /** Of all queues since the process started: bytes that were read. */
    static uint64_t read_bytes();
    /** Of all queues: nanoseconds for which reads have been under way now without one of them having ended; else 0. */
    static uint64_t stalled_nanoseconds();

  private:
    /** Both called with mutex_ held. */
    void enqueue(ReadRequest& request, Lane lane);
    void dequeue(ReadRequest& request);
    /** Wakes the thread that starts reads. */
    void wake();
    /** Around each piece, or each read of a thread. Called with mutex_ held. */
    void note_begin();
    void note_end();
    /** Called with mutex_ held by `lock`, which is given up while the disk works. */
    void read(ReadRequest& request, bool awaited, std::unique_lock<std::mutex>& lock);
    /** One of the threads of a pool. */
    void read_by_thread();
    /** The thread that has io_uring. */
    void read_by_uring();
    /** Whether io_uring may have a piece of the next request, or a thread may read it. Called with mutex_ held. */
    bool may_begin() const;
    /** Hands requests to io_uring as far as it may have them. Called with mutex_ held. */
    void begin_queued();
    /** A part of a request that io_uring has. */
    struct Piece {
        ReadRequest* request;
        uint64_t at;      // bytes from the beginning of its extent
        uint32_t length;  // bytes
        bool awaited;
    };
    /** Hands a piece over. Called with mutex_ held. */
    void begin(Piece& piece, uint64_t extent_begin);
    /** What reading a piece gave. Called with mutex_ held. */
    void end(Piece& piece, int32_t result);
    /** Called with mutex_ held. */
    void settle(ReadRequest& request, const Result<const uint8_t*>& data);

    std::mutex mutex_;
    std::condition_variable submitted_;
    std::condition_variable finished_;
    std::map<uint64_t, ReadRequest*> queue_;  // by turn
    uint64_t last_turn_ = 0;
    std::array<Piece, kDepth> pieces_{};
    std::vector<Piece*> free_pieces_;  // all when io_uring has none
    uint64_t bytes_in_flight_ = 0;     // of the pieces that io_uring has
    unsigned awaited_ = 0;             // of those that are under way
    const uint64_t most_in_flight_;
    bool closing_ = false;
    unsigned under_way_ = 0;                            // pieces, or reads of threads
    std::chrono::steady_clock::time_point busy_since_;  // that was not counted yet
    std::unique_ptr<Uring> uring_;
    std::vector<std::thread> threads_;
};

}  // namespace flash
