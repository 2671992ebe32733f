#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "platform/memory.h"
#include "reader/direct_file.h"
#include "result.h"

namespace flash {

/** Bytes of a file. */
struct Span {
    uint64_t offset;
    uint64_t size;
};

/** Aligned memory that a read may fill, owned by someone else. */
struct Room {
    uint8_t* data;
    uint64_t size;
};

/** Memory for direct reads: preallocated, never grown. */
class AlignedBuffer {
  public:
    /** Holds no memory (size 0) when there is none to be had. */
    explicit AlignedBuffer(uint64_t size_bytes);

    /** The part of `size` bytes at `offset`, a multiple of kReadAlignment. */
    Room part(uint64_t offset, uint64_t size) const { return Room{data_.get() + offset, size}; }
    uint8_t* data() const { return data_.get(); }
    uint64_t size() const { return data_ ? size_ : 0; }
    operator Room() const { return Room{data(), size()}; }

  private:
    struct Free {
        void operator()(uint8_t* data) const { free_aligned(data); }
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

    /** Room that `read` needs for `size` bytes at any offset. */
    static uint64_t room_bytes(uint64_t size);

    /**
     * Reads `size` bytes at `offset` into `room` (at least room_bytes(size)). Any thread.
     * @return where in the room they begin. Fails with FLASH_READ_FAILED, also at the end of the file.
     */
    Result<const uint8_t*> read(uint64_t offset, uint64_t size, Room room) const;

    /** What a read of `size` bytes at `offset` takes from the file: whole blocks. Bytes. */
    struct Extent {
        uint64_t begin;   // in the file
        uint64_t needed;  // from there on: the last block of a file is short
        uint64_t length;
    };
    /** Fails with FLASH_READ_FAILED when `room` is too small. */
    static Result<Extent> extent(uint64_t offset, uint64_t size, Room room);
    /** Of a read at byte `at` that gave `error_number`; 0 is the end of the file. */
    Error failure(uint64_t at, int error_number) const;
    /** Once an extent was read: drops what of it the page cache has. */
    void drop_cached(const Extent& extent) const;
    const DirectFile& file() const { return file_; }

    /** False where the file system has no direct reads. */
    bool direct() const { return file_.direct(); }

  private:
    Reader(DirectFile file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

    DirectFile file_;
    std::string path_;
};

}  // namespace flash
