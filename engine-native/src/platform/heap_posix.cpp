#ifdef __APPLE__
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif

#include "platform/heap.h"

namespace flash {

#if defined(__GLIBC__)

void return_large_blocks() {
    // Bytes. Unless it is set the C library raises its own to the largest block that was freed, up to 32 MiB.
    constexpr int kLargeBlock = 1 << 20;
    mallopt(M_MMAP_THRESHOLD, kLargeBlock);
}
void release_free_memory() { malloc_trim(0); }

#elif defined(__APPLE__)

void return_large_blocks() {}
void release_free_memory() { malloc_zone_pressure_relief(nullptr, 0); }

#else

void return_large_blocks() {}
void release_free_memory() {}

#endif

}  // namespace flash
