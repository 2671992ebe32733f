#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "result.h"

namespace flash {

/** Memory for direct reads: aligned for any file system, preallocated, never grown. */
class AlignedBuffer {
  public:
    /** Start and length that direct reads of any file system we know accept. */
    static constexpr uint64_t kAlignment = 4096;

    /** @return null data when there is no memory. */
    explicit AlignedBuffer(uint64_t size_bytes);

    uint8_t* data() const { return data_.get(); }
    uint64_t size() const { return data_ ? size_ : 0; }

  private:
    struct Free {
        void operator()(uint8_t* data) const;
    };
    std::unique_ptr<uint8_t, Free> data_;
    uint64_t size_;
};

/**
 * A model file, read past the page cache: cached pages of the weights would count against the RAM cap.
 * Where the file system has no direct reads, reads are buffered and their pages dropped.
 */
class Reader {
  public:
    /** Fails with FLASH_READ_FAILED. */
    static Result<Reader> open(const std::string& path);

    Reader(Reader&& other) noexcept;
    Reader& operator=(Reader&& other) noexcept;
    ~Reader();

    /** Room that `read` needs in its buffer for `size` bytes at any offset. */
    static uint64_t buffer_bytes(uint64_t size);

    /**
     * Reads `size` bytes at `offset` into `buffer` (at least buffer_bytes(size)).
     * @return where in the buffer they begin. Fails with FLASH_READ_FAILED, also at the end of the file.
     */
    Result<const uint8_t*> read(uint64_t offset, uint64_t size, const AlignedBuffer& buffer) const;

    /** False where the file system has no direct reads. */
    bool direct() const { return direct_; }

  private:
    Reader(int file, bool direct, std::string path) : file_(file), direct_(direct), path_(std::move(path)) {}

    int file_;
    bool direct_;
    std::string path_;
};

}  // namespace flash
