#include <malloc.h>

#include "platform/heap.h"

namespace flash {

// Its heap asks the system for each large block alone.
void return_large_blocks() {}
void release_free_memory() { _heapmin(); }

}  // namespace flash
