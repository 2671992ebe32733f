#include <windows.h>

#include <cstdint>

#include "platform/processor_times.h"

namespace flash {
namespace {

double seconds(const FILETIME& time) {
    return 1e-7 * static_cast<double>((static_cast<uint64_t>(time.dwHighDateTime) << 32U) | time.dwLowDateTime);
}

}  // namespace

std::optional<ProcessorTimes> processor_times() {
    FILETIME idle, kernel, user;
    if (GetSystemTimes(&idle, &kernel, &user) == 0) return {};
    FILETIME created, ended, own_kernel, own_user;
    if (GetProcessTimes(GetCurrentProcess(), &created, &ended, &own_kernel, &own_user) == 0) return {};
    // The time in the kernel contains that of being idle.
    return ProcessorTimes{seconds(kernel) + seconds(user) - seconds(idle), seconds(own_kernel) + seconds(own_user),
                          static_cast<unsigned>(GetActiveProcessorCount(ALL_PROCESSOR_GROUPS))};
}

}  // namespace flash
