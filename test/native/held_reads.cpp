// Preloaded into a process, makes its direct reads hang while the named pipe of FLINT_HELD_READS is there, as they do
// when a disk or a network drive does not answer: until somebody has opened the pipe for writing. And while that
// variable is there it has no io_uring, whose reads cannot be held from here. FLINT_SLOW_READS, in bytes per second, is
// the most that each of its threads is given: a slow disk. Also a part of the native tests.

#undef _FILE_OFFSET_BITS  // it would give both names below to one function

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdlib>
#include <thread>

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

/** Takes as long as the slow disk would. */
void wait_for_slow_disk(size_t size) {
    const char* rate = std::getenv("FLINT_SLOW_READS");
    if (rate == nullptr) return;
    std::this_thread::sleep_for(std::chrono::duration<double>(static_cast<double>(size) / std::strtod(rate, nullptr)));
}

bool has_no_uring() { return std::getenv("FLINT_HELD_READS") != nullptr || std::getenv("FLINT_SLOW_READS") != nullptr; }

}  // namespace

EXPORTED ssize_t pread(int file, void* data, size_t size, off_t offset) {
    static const auto read = next<ssize_t (*)(int, void*, size_t, off_t)>("pread");
    if ((fcntl(file, F_GETFL) & O_DIRECT) != 0) {
        wait_while_held();
        wait_for_slow_disk(size);
    }
    return read(file, data, size, offset);
}
EXPORTED ssize_t pread64(int file, void* data, size_t size, off64_t offset) { return pread(file, data, size, offset); }

// As the C library's, it takes all six arguments where fewer were given.
EXPORTED __attribute__((no_sanitize("address"))) long syscall(long number, ...) {
    if (number == SYS_io_uring_setup && has_no_uring()) {
        errno = ENOSYS;
        return -1;
    }
    // Without a guard: zig's C++ library makes a system call while it takes one, and would wait for itself.
    static std::atomic<long (*)(long, ...)> found{nullptr};
    if (found == nullptr) found = next<long (*)(long, ...)>("syscall");
    const auto call = found.load();
    va_list list;
    va_start(list, number);
    long arguments[6];
    for (long& argument : arguments) argument = va_arg(list, long);
    va_end(list);
    return call(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
