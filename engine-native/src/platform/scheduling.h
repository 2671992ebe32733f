#pragma once

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace flash {

/**
 * Has the system run the calling thread as soon as it wakes, before threads whose time slice has not ended. For a
 * thread that sleeps most of the time and does little, while others wait for it. Does nothing on systems without such a
 * setting.
 */
void run_when_woken();

/** Some cycles of a loop that waits, in which the core does other work. */
inline void pause_briefly() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

}  // namespace flash
