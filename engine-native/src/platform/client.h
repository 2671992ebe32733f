#pragma once

#include <chrono>

namespace flash {

/**
 * Ends this process soon after the client is gone that holds the other end of its standard input, whatever its threads
 * do by then: a thread that computes or waits for a disk does not see the end of the input.
 * @param grace for the process to end by itself, from when the client is gone
 * @throws std::system_error where there can't be another thread
 */
void end_with_client(std::chrono::milliseconds grace);

/** Blocks until the client is gone. @returns false where that can't be told: standard input is none, or has no client
 */
bool wait_for_client_end();

/** Ends this process at once, without running what was registered for its end. */
[[noreturn]] void exit_at_once();

}  // namespace flash
