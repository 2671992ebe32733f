#pragma once

#include <cstdint>
#include <memory>

#include "compute/layout.h"
#include "ggml-backend.h"
#include "ggml.h"
#include "gguf/model.h"

namespace flash {

/**
 * Room for some rows of a matrix in the layout of ggml's kernels for many tokens, which llama.cpp gives to the weights
 * that it keeps. Laying out takes about as long as the product with ten tokens, so it pays for a prompt, whose products
 * then are those of llama.cpp with all in memory. For few tokens we multiply the rows as they are in the file.
 */
class Repack {
  public:
    /** Tokens in a batch from which on it is done: the smallest micro-batch. */
    static constexpr int64_t kTokens = 64;

    /**
     * With the first of ggml's extra buffer types that takes the matrix, as llama.cpp chooses.
     * @param op MUL_MAT, or MUL_MAT_ID for experts
     * @param input the activations, as the products of the rows will have them
     * @return null where it does not pay for a batch of so many tokens, or this processor has no other layout for it
     */
    static std::unique_ptr<Repack> create(ggml_op op, const TensorInfo& tensor, const ggml_tensor& input,
                                          int64_t tokens);

    /** The most that there is room for. */
    int64_t rows() const { return rows_; }

    /** Of `left` tokens, those to multiply at once with rows that are a part of the matrix. */
    int64_t tokens_at_once(int64_t left) const { return layout_.tokens_at_once(left); }

    /** Lays rows out: as many as `weights`, a matrix of the tensor's type and width, says. It means the copy then. */
    void fill(ggml_tensor* weights, const uint8_t* rows) const;

  private:
    struct BufferFree {
        void operator()(ggml_backend_buffer_t buffer) const { ggml_backend_buffer_free(buffer); }
    };
    using Buffer = std::unique_ptr<ggml_backend_buffer, BufferFree>;

    Repack(Buffer buffer, int64_t rows, const Layout& layout)
        : buffer_(std::move(buffer)), rows_(rows), layout_(layout) {}

    Buffer buffer_;
    int64_t rows_;
    const Layout& layout_;
};

}  // namespace flash
