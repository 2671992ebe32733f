#pragma once

namespace flash {

/**
 * The calling thread sleeps most of the time and then has little to do, for which others wait: when it wakes it is run
 * at once, also beside threads that have not had their time slice yet. Nothing where the system knows no such thing.
 */
void run_when_woken();

}  // namespace flash
