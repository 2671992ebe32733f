#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

struct io_uring_cqe;
struct io_uring_sqe;

namespace flash {

/**
 * The kernel's own queue of reads, io_uring(7), by its system calls: liburing is not on every machine that builds this.
 * For a single thread, but for `wake`.
 */
class Uring {
  public:
    /** Null where the kernel has no io_uring or forbids it, as containers often do. At most `reads` at once. */
    static std::unique_ptr<Uring> open(unsigned reads);
    ~Uring();

    Uring(const Uring&) = delete;
    Uring& operator=(const Uring&) = delete;

    /**
     * Begins a read with the next `wait`. `who`, which is not null, is passed to `take` when it has ended.
     * @param blocking whether the file system may block while it takes the read: then a thread of the kernel does it
     */
    void read(int file, uint64_t offset, uint8_t* data, uint32_t size, bool blocking, void* who);

    /** Blocks until a read has ended or `wake` was called. Throws std::system_error on what can only be a mistake in
     * this program. */
    void wait();

    /** Bytes that were read, or a negative errno. */
    using Ended = std::function<void(void* who, int32_t result)>;
    /** Calls `ended` for each read that has ended. */
    void take(const Ended& ended);

    /** Ends a `wait`, this one or the next. Any thread. */
    void wake() const;

  private:
    /** Of memory that is shared with the kernel. */
    struct Unmap {
        size_t size;
        void operator()(uint8_t* data) const;
    };
    using Mapping = std::unique_ptr<uint8_t, Unmap>;
    /** Null when there is none to be had. */
    static Mapping map(int file, size_t size, int64_t offset);

    Uring() = default;

    /** Submits `begin` reads to the kernel, and blocks until `ended` reads have ended. */
    void enter(uint32_t begin, uint32_t ended);

    int file_ = -1;
    int wake_ = -1;            // an eventfd
    uint64_t wake_count_ = 0;  // where the kernel writes what it read from there
    Mapping submissions_{nullptr, Unmap{0}};
    Mapping completions_{nullptr, Unmap{0}};
    Mapping entries_{nullptr, Unmap{0}};
    uint32_t* submission_tail_ = nullptr;
    uint32_t* submission_array_ = nullptr;
    uint32_t submission_mask_ = 0;
    uint32_t* completion_head_ = nullptr;
    uint32_t* completion_tail_ = nullptr;
    uint32_t completion_mask_ = 0;
    io_uring_sqe* submission_entries_ = nullptr;
    io_uring_cqe* completion_entries_ = nullptr;
    uint32_t begun_ = 0;  // reads that were not submitted to the kernel yet
    bool watching_ = false;
};

}  // namespace flash
