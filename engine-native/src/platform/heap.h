#pragma once

namespace flash {

/**
 * Has malloc give back large blocks to the system as soon as they are freed. Otherwise the C library keeps what a model
 * took in pieces that the next one may not fit into, and the process grows from load to load. For the life of the
 * process.
 */
void return_large_blocks();

/** Gives back to the system what malloc keeps of blocks that are freed. */
void release_free_memory();

}  // namespace flash
