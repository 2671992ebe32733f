#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "platform/client.h"

namespace flash {

#ifdef __linux__

bool wait_for_client_end() {
    // Data that nobody has read yet does not wake it. Of a file it waits for ever.
    pollfd input{STDIN_FILENO, POLLRDHUP, 0};
    while (poll(&input, 1, -1) < 0) {
        if (errno != EINTR) return false;
    }
    return (input.revents & POLLNVAL) == 0;
}

#else

bool wait_for_client_end() {
    constexpr auto kInterval = std::chrono::milliseconds(250);
    const pid_t parent = getppid();
    while (getppid() == parent) {
        pollfd input{STDIN_FILENO, 0, 0};
        if (poll(&input, 1, 0) == 1 && (input.revents & POLLHUP) != 0) return true;
        std::this_thread::sleep_for(kInterval);
    }
    return true;
}

#endif

void exit_at_once() { _exit(0); }

}  // namespace flash
