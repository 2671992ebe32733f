#include "reader/reader.h"

namespace flash {

constexpr uint64_t kLargePage = 2ULL << 20;

AlignedBuffer::AlignedBuffer(uint64_t size_bytes) {
    // The kernel takes a direct read's pages one by one: of large ones there are fewer.
    const uint64_t alignment = size_bytes >= 2 * kLargePage ? kLargePage : kReadAlignment;
    size_ = align_up(size_bytes, alignment);
    data_.reset(allocate_aligned(size_, alignment));
    if (data_ && alignment == kLargePage) prefer_large_pages(data_.get(), size_, true);
}

Result<Reader> Reader::open(const std::string& path) {
    Result<DirectFile> file = DirectFile::open(path);
    if (!file) return file.error();
    return Reader(std::move(*file), path);
}

uint64_t Reader::room_bytes(uint64_t size) { return align_up(size, kReadAlignment) + kReadAlignment; }

Result<Reader::Extent> Reader::extent(uint64_t offset, uint64_t size, Room room) {
    const uint64_t begin = align_down(offset, kReadAlignment);
    const uint64_t needed = offset - begin + size;
    const uint64_t length = align_up(needed, kReadAlignment);
    if (length > room.size) {
        return Error{FLASH_READ_FAILED, "a read of " + std::to_string(size) + " bytes is larger than its room"};
    }
    return Extent{begin, needed, length};
}

Error Reader::failure(uint64_t at, int error_number) const {
    return Error{FLASH_READ_FAILED,
                 "cannot read " + path_ + " at byte " + std::to_string(at) + ": " +
                     (error_number != 0 ? DirectFile::words_for(error_number) : "the file ends before its data")};
}

void Reader::drop_cached(const Extent& extent) const { file_.drop_cached(extent.begin, extent.length); }

Result<const uint8_t*> Reader::read(uint64_t offset, uint64_t size, Room room) const {
    const auto extent = Reader::extent(offset, size, room);
    if (!extent) return extent.error();
    for (uint64_t done = 0; done < extent->needed;) {
        const int64_t count = file_.read(room.data + done, extent->length - done, extent->begin + done);
        if (count <= 0) return failure(extent->begin + done, static_cast<int>(-count));
        done += static_cast<uint64_t>(count);
    }
    drop_cached(*extent);
    return room.data + (offset - extent->begin);
}

}  // namespace flash
