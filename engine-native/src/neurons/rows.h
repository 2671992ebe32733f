#pragma once

#include <cstdint>
#include <vector>

#include "ggml-cpu.h"
#include "result.h"

namespace flash {

/** ggml's own dot product of a quantized row with a row of activations, for this processor. */
class DotProduct {
  public:
    /** Fails with FLASH_INVALID_ARGUMENT where ggml has none for this type. */
    static Result<DotProduct> of(ggml_type row_type);

    /** Bytes of a row of activations in the type that this product wants. */
    uint64_t activation_bytes(int64_t width) const { return ggml_row_size(activation_type_, width); }
    void convert(const float* activations, int64_t width, uint8_t* converted) const;
    float operator()(const uint8_t* row, const uint8_t* converted, int64_t width) const {
        float result = 0;
        dot_(static_cast<int>(width), &result, 0, row, 0, converted, 0, 1);
        return result;
    }

  private:
    ggml_vec_dot_t dot_ = nullptr;
    ggml_from_float_t from_float_ = nullptr;  // null: F32 stays
    ggml_type activation_type_ = GGML_TYPE_F32;
};

/** Elements that a part of a row of this type must be a multiple of. */
int64_t part_granularity(ggml_type type);

/** The `count` elements of a row from `first` on; both multiples of part_granularity. */
void dequantize(ggml_type type, const uint8_t* row, int64_t first, int64_t count, float* out);

/** sum += scale × row, `count` elements. */
void add_scaled(float scale, const float* row, int64_t count, float* sum);

}  // namespace flash
