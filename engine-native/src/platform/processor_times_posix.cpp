#include <ctime>

#include "platform/processor_times.h"

#ifdef __APPLE__
#include <mach/mach_host.h>
#include <unistd.h>
#else
#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#endif

namespace flash {
namespace {

double own_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

#ifdef __APPLE__

std::optional<ProcessorTimes> processor_times() {
    host_cpu_load_info_data_t load{};
    mach_msg_type_number_t count = HOST_CPU_LOAD_INFO_COUNT;
    if (host_statistics(mach_host_self(), HOST_CPU_LOAD_INFO, reinterpret_cast<host_info_t>(&load), &count) !=
        KERN_SUCCESS)
        return {};
    const double ticks =
        static_cast<double>(load.cpu_ticks[CPU_STATE_USER]) + static_cast<double>(load.cpu_ticks[CPU_STATE_SYSTEM]);
    const double tick_rate = static_cast<double>(sysconf(_SC_CLK_TCK));
    return ProcessorTimes{ticks / tick_rate, own_seconds(), static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN))};
}

#else

std::optional<ProcessorTimes> processor_times() {
    cpu_set_t usable;
    if (sched_getaffinity(0, sizeof usable, &usable) != 0) return {};
    // A line for each processor, in ticks: proc_stat(5).
    std::ifstream file("/proc/stat");
    double ticks = 0;
    unsigned processors = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.compare(0, 3, "cpu") != 0) break;
        if (line.size() < 4 || line[3] < '0' || line[3] > '9') continue;
        std::istringstream fields(line.substr(3));
        size_t processor = 0;
        double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft = 0, stolen = 0;
        fields >> processor >> user >> nice >> system >> idle >> waiting >> interrupts >> soft >> stolen;
        if (fields.fail() || processor >= CPU_SETSIZE || !CPU_ISSET(processor, &usable)) continue;
        ticks += user + system + interrupts + soft + stolen;
        processors++;
    }
    if (processors == 0) return {};
    return ProcessorTimes{ticks / static_cast<double>(sysconf(_SC_CLK_TCK)), own_seconds(), processors};
}

#endif

}  // namespace flash
