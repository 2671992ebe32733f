#pragma once

#include <optional>
#include <vector>

#include "compute/layout.h"
#include "compute/workers.h"
#include "ggml.h"
#include "reader/read_queue.h"

namespace flash {

/** A part of a product: some rows of the weights, some tokens. */
struct ProductPart {
    int64_t row;
    int64_t rows;
    int64_t token;
    int64_t tokens;
};

/**
 * Divides a product so that each of `workers` gets several parts: by tokens where each still has many, so that
 * activations are converted once; else by rows.
 * @param row_bytes of weights
 * @param any_tokens whether all rows may be multiplied with some of the tokens
 */
std::vector<ProductPart> divide_product(int64_t rows, uint64_t row_bytes, int64_t tokens, unsigned workers,
                                        bool any_tokens);

/**
 * MUL_MAT or MUL_MAT_ID with weights that llama.cpp keeps in memory, in the layout that it chose for them. Its kernels
 * compute each token's product with each group of rows by itself, so the parts have the bits of the whole operation.
 */
class KeptProduct {
  public:
    /** Nothing where `node` is no such product, or none that we know how to divide. It must outlive this. */
    static std::optional<KeptProduct> of(const ggml_tensor* node);

    ggml_status compute(Workers& workers, const Stop& stop) const;

  private:
    KeptProduct(const ggml_tensor* node, const Layout* layout) : node_(node), layout_(layout) {}

    ggml_status compute(const Kernel& kernel, const ProductPart& part) const;

    const ggml_tensor* node_;
    const Layout* layout_;  // null: rows as they are in the file
};

}  // namespace flash
