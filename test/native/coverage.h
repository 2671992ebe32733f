#pragma once

#include <cstddef>

namespace flint {

/** How many different steps from one branch to the next were seen so far, in code that is built with trace-pc. */
size_t edges_seen();

}  // namespace flint
