#include "platform/cache.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <emmintrin.h>
#endif

namespace flash {

bool evict_from_caches(const uint8_t* memory, uint64_t size) {
    constexpr uint64_t kLine = 64;  // bytes; of every processor that these instructions are for
#if defined(__x86_64__) || defined(_M_X64)
    for (uint64_t at = 0; at < size; at += kLine) _mm_clflush(memory + at);
    _mm_mfence();
    return true;
#elif defined(__aarch64__) && defined(__linux__)
    for (uint64_t at = 0; at < size; at += kLine) asm volatile("dc civac, %0" ::"r"(memory + at) : "memory");
    asm volatile("dsb ish" ::: "memory");
    return true;
#else
    static_cast<void>(memory), static_cast<void>(size), static_cast<void>(kLine);
    return false;
#endif
}

}  // namespace flash
