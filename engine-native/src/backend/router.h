#pragma once

#include <optional>
#include <vector>

#include "ggml.h"
#include "stream/workers.h"

namespace flash {

/**
 * What chooses a layer's experts: the nodes of a graph from the product with the router's weights to the ids. They can
 * be computed early, on the input that an earlier layer's router has, from which that of the next one differs little
 * (Eliseev and Mazur, "Fast Inference of Mixture-of-Experts Language Models with Offloading", arXiv 2312.17238, 3.2).
 */
class Router {
  public:
    /**
     * Nothing where the ids do not come from one product with weights that are in memory.
     * @param ids src[2] of the layer's MUL_MAT_IDs
     */
    static std::optional<Router> find(const ggml_tensor* ids);

    /**
     * The experts that this layer's router chooses for what `earlier` has had as its input, the likeliest first; none
     * where the two do not fit together. For a single token.
     */
    std::vector<int32_t> guess(const Router& earlier, const Kernel& kernel) const;

  private:
    Router(const ggml_tensor* ids, std::vector<const ggml_tensor*> nodes) : ids_(ids), nodes_(std::move(nodes)) {}

    const ggml_tensor* product() const { return nodes_.front(); }
    std::vector<float> input(const Router& earlier) const;

    const ggml_tensor* ids_;
    std::vector<const ggml_tensor*> nodes_;  // in the order of computation: the product, what follows, the ids
};

}  // namespace flash
