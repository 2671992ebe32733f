#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "result.h"

namespace flash {

/** Start, length and memory of direct reads: what the file systems we know accept. */
constexpr uint64_t kReadAlignment = 4096;

/**
 * A file that is read past the page cache, and through it where the file system has no direct reads. What a system has
 * of its own for that is in direct_file_SYSTEM.cpp.
 */
class DirectFile {
  public:
    /** Fails with FLASH_READ_FAILED. */
    static Result<DirectFile> open(const std::string& path);

    DirectFile(DirectFile&& other) noexcept : handle_(std::exchange(other.handle_, kNone)), direct_(other.direct_) {}
    DirectFile& operator=(DirectFile&& other) noexcept {
        std::swap(handle_, other.handle_);
        std::swap(direct_, other.direct_);
        return *this;
    }
    ~DirectFile();

    /** False where the file system has no direct reads. */
    bool direct() const { return direct_; }
    /** As the system knows it: a file descriptor, or a handle. */
    intptr_t handle() const { return handle_; }

    /**
     * Reads bytes, at most `size`; all are multiples of kReadAlignment. Blocks. Any thread.
     * @return how many there were, 0 at the end of the file; or an error's number, negative
     */
    int64_t read(uint8_t* data, uint64_t size, uint64_t offset) const;
    /** Lets the page cache forget a part that was read through it. */
    void drop_cached(uint64_t offset, uint64_t size) const;

    /** The system's message for a positive error number. */
    static std::string words_for(int error_number);

  private:
    static constexpr intptr_t kNone = -1;
    /** Of a single call of the system: more is read by the next. */
    static constexpr uint64_t kMostBytes = 1ULL << 30;

    DirectFile(intptr_t handle, bool direct) : handle_(handle), direct_(direct) {}

    intptr_t handle_;
    bool direct_;
};

}  // namespace flash
