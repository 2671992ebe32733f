#pragma once

#include <array>
#include <memory>

#include "compute/repack.h"
#include "compute/workers.h"
#include "ggml.h"
#include "gguf/model.h"

namespace flash {

/**
 * A graph of one operation that is like `node` but for its weights, which are where we put them. So ggml's own kernels
 * compute a part of an operation, with the same bits as the whole. Each thread has its own.
 */
class OpSlice {
  public:
    /** @param repack to lay out rows in first, or null */
    OpSlice(const ggml_tensor* node, const TensorInfo& tensor, const Repack* repack = nullptr);

    /** The part of MUL_MAT's result that `rows` rows of weights from `row` on give. */
    ggml_status multiply(const Kernel& kernel, int64_t row, int64_t rows, const uint8_t* weights);

    /** As multiply, but each token of the batch alone: with the bits that it has when it is decoded alone. */
    ggml_status multiply_by_token(const Kernel& kernel, int64_t row, int64_t rows, const uint8_t* weights);

    /** The `index`th row of GET_ROWS's result, from that row of weights. */
    ggml_status get_row(const Kernel& kernel, int64_t index, const uint8_t* weights);

  private:
    struct ContextFree {
        void operator()(ggml_context* context) const { ggml_free(context); }
    };

    /** Makes the operation that of `rows` rows from `row` on; its result begins with the first token's. */
    void take(int64_t row, int64_t rows);
    /** Makes it that of `count` tokens from `first` on. After take. */
    void take_tokens(int64_t first, int64_t count);
    ggml_status multiply_repacked(const Kernel& kernel, int64_t row, int64_t rows, const uint8_t* weights);

    const ggml_tensor* node_;
    alignas(64) std::array<uint8_t, 8192> memory_;  // for ggml's structures; the data is elsewhere
    std::unique_ptr<ggml_context, ContextFree> context_;
    ggml_cgraph* graph_;
    ggml_tensor* weights_;
    ggml_tensor* result_;
    const Repack* repack_;
    ggml_tensor* tokens_ = nullptr;  // some columns of src[1]
    int32_t first_ = 0;              // the only id of a GET_ROWS from a single row
};

}  // namespace flash
