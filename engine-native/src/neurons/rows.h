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
    ggml_type activation_type() const { return activation_type_; }
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

/** A row, and what it is multiplied with. */
struct WeightedRow {
    const uint8_t* row;
    float weight;
};

/**
 * sum += weight × row for the `count` elements of each row from `first` on, row after row; `first` is a multiple of
 * part_granularity, and so is `count` unless it ends with the row. `sum` has `count` elements.
 */
void add_rows(ggml_type type, const std::vector<WeightedRow>& rows, int64_t first, int64_t count, float* sum);

/**
 * The products of `count` rows of Q4_0, one after the other, with a row of Q8_0: as DotProduct has them but for
 * rounding, for rows so short that calling it takes longer than the arithmetic.
 */
void multiply_short_rows(const uint8_t* rows, uint32_t count, const uint8_t* activations, int64_t width,
                         float* products);

}  // namespace flash
