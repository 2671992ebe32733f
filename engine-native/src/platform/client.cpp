#include "platform/client.h"

#include <thread>

namespace flash {

void end_with_client(std::chrono::milliseconds grace) {
    // Detached: it ends with the process, and has nothing that another thread could take away from it.
    std::thread([grace] {
        if (!wait_for_client_end()) return;
        std::this_thread::sleep_for(grace);
        exit_at_once();
    }).detach();
}

}  // namespace flash
