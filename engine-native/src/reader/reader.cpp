#include "reader/reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/stat.h>  // not sys/stat.h, whose statx may be older than the kernel's
#include <sys/syscall.h>
#endif

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace flash {

constexpr uint64_t kLargePage = 2ULL << 20;

AlignedBuffer::AlignedBuffer(uint64_t size_bytes) {
    // The kernel takes a direct read's pages one by one: of large ones there are fewer.
    const uint64_t alignment = size_bytes >= 2 * kLargePage ? kLargePage : kReadAlignment;
    size_ = align_up(size_bytes, alignment);
    data_.reset(static_cast<uint8_t*>(std::aligned_alloc(alignment, size_)));
#ifdef MADV_HUGEPAGE
    if (data_ && alignment == kLargePage) madvise(data_.get(), size_, MADV_HUGEPAGE);
#endif
}

void AlignedBuffer::Free::operator()(uint8_t* data) const { std::free(data); }

#ifdef O_DIRECT
/** Whether direct reads of this file may be aligned as ours are. Older kernels don't say: then reading shows. */
static bool takes_our_alignment(int file) {
#if defined(SYS_statx) && defined(STATX_DIOALIGN)
    struct statx info {};
    if (syscall(SYS_statx, file, "", AT_EMPTY_PATH, STATX_DIOALIGN, &info) == 0 &&
        (info.stx_mask & STATX_DIOALIGN) != 0) {
        const auto divides = [](uint32_t wanted) { return wanted != 0 && kReadAlignment % wanted == 0; };
        return divides(info.stx_dio_mem_align) && divides(info.stx_dio_offset_align);
    }
#endif
    (void)file;
    return true;
}
#endif

Result<Reader> Reader::open(const std::string& path) {
#ifdef O_DIRECT
    Reader direct(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT), true, path);
    if (direct.file_ >= 0 && takes_our_alignment(direct.file_)) return direct;
#endif
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return Error{FLASH_READ_FAILED, "cannot open " + path + ": " + std::strerror(errno)};
#ifdef F_NOCACHE
    return Reader(file, fcntl(file, F_NOCACHE, 1) == 0, path);
#else
    return Reader(file, false, path);
#endif
}

Reader::Reader(Reader&& other) noexcept
    : file_(std::exchange(other.file_, -1)), direct_(other.direct_), path_(std::move(other.path_)) {}

Reader& Reader::operator=(Reader&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(direct_, other.direct_);
    std::swap(path_, other.path_);
    return *this;
}

Reader::~Reader() {
    if (file_ >= 0) ::close(file_);
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
                     (error_number != 0 ? std::strerror(error_number) : "the file ends before its data")};
}

void Reader::drop_cached(const Extent& extent) const {
#ifdef POSIX_FADV_DONTNEED
    if (!direct_)
        posix_fadvise(file_, static_cast<off_t>(extent.begin), static_cast<off_t>(extent.length), POSIX_FADV_DONTNEED);
#else
    static_cast<void>(extent);
#endif
}

Result<const uint8_t*> Reader::read(uint64_t offset, uint64_t size, Room room) const {
    const auto extent = Reader::extent(offset, size, room);
    if (!extent) return extent.error();
    for (uint64_t done = 0; done < extent->needed;) {
        const ssize_t count =
            ::pread(file_, room.data + done, extent->length - done, static_cast<off_t>(extent->begin + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return failure(extent->begin + done, count < 0 ? errno : 0);
        done += static_cast<uint64_t>(count);
    }
    drop_cached(*extent);
    return room.data + (offset - extent->begin);
}

}  // namespace flash
