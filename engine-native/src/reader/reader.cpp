#include "reader/reader.h"

#include <fcntl.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/stat.h>  // not sys/stat.h, whose statx may be older than the kernel's
#include <sys/syscall.h>
#endif

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace flash {

AlignedBuffer::AlignedBuffer(uint64_t size_bytes) : size_(align_up(size_bytes, kReadAlignment)) {
    data_.reset(static_cast<uint8_t*>(std::aligned_alloc(kReadAlignment, size_)));
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

Result<const uint8_t*> Reader::read(uint64_t offset, uint64_t size, Room room) const {
    const uint64_t begin = align_down(offset, kReadAlignment);
    const uint64_t needed = offset - begin + size;
    const uint64_t length = align_up(needed, kReadAlignment);
    if (length > room.size) {
        return Error{FLASH_READ_FAILED, "a read of " + std::to_string(size) + " bytes is larger than its room"};
    }
    // The last block of a file is short, so enough is what was asked for and not the whole aligned length.
    for (uint64_t done = 0; done < needed;) {
        const ssize_t count = ::pread(file_, room.data + done, length - done, static_cast<off_t>(begin + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            return Error{FLASH_READ_FAILED, "cannot read " + path_ + " at byte " + std::to_string(begin + done) + ": " +
                                                (count < 0 ? std::strerror(errno) : "the file ends before its data")};
        }
        done += static_cast<uint64_t>(count);
    }
#ifdef POSIX_FADV_DONTNEED
    if (!direct_) posix_fadvise(file_, static_cast<off_t>(begin), static_cast<off_t>(length), POSIX_FADV_DONTNEED);
#endif
    return room.data + (offset - begin);
}

}  // namespace flash
