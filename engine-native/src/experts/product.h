#pragma once

#include <array>
#include <memory>
#include <vector>

#include "compute/repack.h"
#include "compute/workers.h"
#include "ggml.h"
#include "gguf/model.h"

namespace flash {

/** One use of an expert: which of a token's chosen experts it is, and which token's. */
struct Route {
    int32_t choice;
    int32_t token;
};

/**
 * A MUL_MAT_ID with a single expert, which is where we put it: the tokens that chose it are gathered, multiplied with
 * ggml's own kernel, and what comes out is put where it belongs. A kernel computes each token's product with each row
 * by itself, so the bits are those of the whole operation, but for the rows that are laid out for a prompt. Each thread
 * has its own.
 */
class ExpertProduct {
  public:
    ExpertProduct(const ggml_tensor* node, const TensorInfo& tensor);

    /** The part of the result that `rows` rows from `row` on give. `weights` are those rows. */
    ggml_status multiply(const Kernel& kernel, const std::vector<Route>& routes, int64_t row, int64_t rows,
                         const uint8_t* weights);

  private:
    struct ContextFree {
        void operator()(ggml_context* context) const { ggml_free(context); }
    };
    /** The product of what is gathered with `rows` rows, laid out for it. */
    ggml_status multiply_repacked(const Kernel& kernel, int64_t tokens, int64_t rows, const uint8_t* weights);
    const uint8_t* input_of(const Route& route) const;
    uint8_t* result_of(const Route& route) const;

    const ggml_tensor* node_;
    const TensorInfo& tensor_;
    std::unique_ptr<Repack> repack_;
    alignas(64) std::array<uint8_t, 8192> memory_;  // for ggml's structures; the data is elsewhere
    std::unique_ptr<ggml_context, ContextFree> context_;
    ggml_cgraph* graph_;
    ggml_tensor* weights_;
    ggml_tensor* input_;
    ggml_tensor* ids_;
    ggml_tensor* result_;
    std::vector<int32_t> zeros_;  // the only expert, for each token
    std::vector<float> gathered_;
    std::vector<float> products_;
};

}  // namespace flash
