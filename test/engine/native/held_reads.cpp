// Preloaded into a process, makes its direct reads hang while the named pipe of FLINT_HELD_READS is there, as they do
// when a disk or a network drive does not answer: until somebody has opened the pipe for writing. And while that
// variable is there it has no io_uring, whose reads cannot be held from here. Also a part of the native tests.

#undef _FILE_OFFSET_BITS  // it would give both names below to one function

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

template <typename Function>
Function next(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

/** Returns when reads are not held, or not any more. */
void wait_while_held() {
    const char* pipe = std::getenv("FLINT_HELD_READS");
    const int held = pipe == nullptr ? -1 : open(pipe, O_RDONLY | O_CLOEXEC);
    if (held >= 0) close(held);
}

}  // namespace

EXPORTED ssize_t pread(int file, void* data, size_t size, off_t offset) {
    static const auto read = next<ssize_t (*)(int, void*, size_t, off_t)>("pread");
    if ((fcntl(file, F_GETFL) & O_DIRECT) != 0) wait_while_held();
    return read(file, data, size, offset);
}
EXPORTED ssize_t pread64(int file, void* data, size_t size, off64_t offset) { return pread(file, data, size, offset); }

// As the C library's, it takes all six arguments where fewer were given.
EXPORTED __attribute__((no_sanitize("address"))) long syscall(long number, ...) {
    if (number == SYS_io_uring_setup && std::getenv("FLINT_HELD_READS") != nullptr) {
        errno = ENOSYS;
        return -1;
    }
    static const auto call = next<long (*)(long, ...)>("syscall");
    va_list list;
    va_start(list, number);
    long arguments[6];
    for (long& argument : arguments) argument = va_arg(list, long);
    va_end(list);
    return call(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
