#pragma once

#include <cstdint>

#include "ggml-backend.h"
#include "ggml.h"

namespace flash {

/**
 * A buffer type of ggml whose layout holds for some rows of a matrix as for all of them, if the rows are whole groups
 * (kRowGroup). CPU_REPACK interleaves 4 to 16 rows. AMX packs tiles of 16, multiplies two at a time, and wants what it
 * is given at once to be all that the tensor is; it packs with threads that it starts for that, as many as there are
 * processors, which is why rows are laid out by the MiB and not by the tile. Of others (KleidiAI, SpaceMIT) we do not
 * know it.
 */
struct Layout {
    const char* name;
    bool any_input;  // whether activations may be anywhere; else they must be contiguous
    /**
     * At most, at once, of a part of the rows. AMX finds the result of a block of 32 tokens as if a row of it were as
     * long as the part that is computed.
     */
    int64_t tokens;

    /** Of `left` tokens, those to multiply at once with a part of the rows. */
    int64_t tokens_at_once(int64_t left) const;
};

/** Null where it is none of those. */
const Layout* layout_of(ggml_backend_buffer_type_t type);

/** The first `rows` rows of a matrix, without data. */
ggml_tensor first_rows(const ggml_tensor& matrix, int64_t rows);

}  // namespace flash
