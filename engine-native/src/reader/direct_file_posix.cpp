// Linux: O_DIRECT. macOS: F_NOCACHE.

#include <fcntl.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/stat.h>  // not sys/stat.h, whose statx may be older than the kernel's
#include <sys/syscall.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "reader/direct_file.h"

namespace flash {

#ifdef O_DIRECT
/** Whether kReadAlignment suffices for direct reads of this file. True where the kernel does not report it: then a read
 * fails if it does not. */
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

Result<DirectFile> DirectFile::open(const std::string& path) {
#ifdef O_DIRECT
    DirectFile direct(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT), true);
    if (direct.handle_ != kNone && takes_our_alignment(static_cast<int>(direct.handle_))) return direct;
#endif
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return Error{FLASH_READ_FAILED, "cannot open " + path + ": " + words_for(errno)};
#ifdef F_NOCACHE
    // Reading ahead would go through the page cache.
    return DirectFile(file, fcntl(file, F_NOCACHE, 1) == 0 && fcntl(file, F_RDAHEAD, 0) == 0);
#else
    return DirectFile(file, false);
#endif
}

DirectFile::~DirectFile() {
    if (handle_ != kNone) ::close(static_cast<int>(handle_));
}

int64_t DirectFile::read(uint8_t* data, uint64_t size, uint64_t offset) const {
    ssize_t count = 0;
    do {
        count = ::pread(static_cast<int>(handle_), data, std::min(size, kMostBytes), static_cast<off_t>(offset));
    } while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

void DirectFile::drop_cached(uint64_t offset, uint64_t size) const {
#ifdef POSIX_FADV_DONTNEED
    if (!direct_) {
        posix_fadvise(static_cast<int>(handle_), static_cast<off_t>(offset), static_cast<off_t>(size),
                      POSIX_FADV_DONTNEED);
    }
#else
    static_cast<void>(offset), static_cast<void>(size);
#endif
}

std::string DirectFile::words_for(int error_number) { return std::strerror(error_number); }

}  // namespace flash
