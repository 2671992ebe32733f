#pragma once

#include <optional>
#include <vector>

#include "compute/workers.h"
#include "ggml.h"

namespace flash {

/**
 * What chooses a layer's experts: the nodes of a graph from the residual stream's norm to the ids, or from the product
 * with the router's weights where that has another input. They can be computed early, on what the stream was before: it
 * changes little from layer to layer (Eliseev and Mazur, "Fast Inference of Mixture-of-Experts Language Models with
 * Offloading", arXiv 2312.17238, 3.2).
 */
class Router {
  public:
    /**
     * Nothing where the ids do not come from one product with weights that are in memory.
     * @param ids src[2] of the layer's MUL_MAT_IDs
     */
    static std::optional<Router> find(const ggml_tensor* ids);

    /** What all of it is computed from. */
    const ggml_tensor* input() const { return input_; }

    /** The token's embedding, where that and the layer's attention are the input; else null. */
    const ggml_tensor* embedding() const;

    /**
     * The experts that this layer's router chooses for another input, the likeliest first; none where it does not fit.
     * For a single token.
     */
    std::vector<int32_t> guess(const ggml_tensor* input, const Kernel& kernel) const;

  private:
    Router(const ggml_tensor* input, std::vector<const ggml_tensor*> nodes) : input_(input), nodes_(std::move(nodes)) {}

    const ggml_tensor* input_;
    std::vector<const ggml_tensor*> nodes_;  // in the order of computation, the ids last
};

}  // namespace flash
