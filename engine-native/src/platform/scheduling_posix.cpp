#include "platform/scheduling.h"

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#endif

namespace flash {

#if defined(__linux__) && defined(SYS_sched_setattr)

namespace {

/** The first version of sched_setattr(2)'s structure: not every C library has it, and the kernel's header clashes. */
struct Attributes {
    uint32_t size;  // bytes of this structure
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;  // nanoseconds, as what follows
    uint64_t deadline;
    uint64_t period;
};

}  // namespace

void run_when_woken() {
    // Since Linux 6.12 a thread can ask for a time slice. One that asks for a short slice runs first, and gets no more
    // of the processor in total. Older kernels ignore it.
    constexpr uint64_t kSlice = 100'000;  // the least there is
    Attributes attributes{};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
    if (attributes.policy != SCHED_OTHER) return;
    attributes.runtime = kSlice;
    // Where this is not allowed, the thread keeps the usual slice.
    static_cast<void>(syscall(SYS_sched_setattr, 0, &attributes, 0));
}

#else

void run_when_woken() {}

#endif

}  // namespace flash
