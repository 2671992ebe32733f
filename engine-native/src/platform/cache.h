#pragma once

#include <cstdint>

namespace flash {

/** Makes the processor forget what its caches have of this memory, as they have after a pass over all of a model. False
 * where it offers no such thing. */
bool evict_from_caches(const uint8_t* memory, uint64_t size);

}  // namespace flash
