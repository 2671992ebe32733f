#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "backend/buffer.h"
#include "backend/router.h"
#include "experts/pass.h"

namespace flash {

/** The MoE layers of a graph, one after the other: of each, all experts that are missing are read at once. */
class ExpertLayers {
  public:
    explicit ExpertLayers(const ggml_cgraph* graph);

    /** Whether this node gives the ids of the experts that a later layer uses, or a state to guess them from. */
    bool awaits(const ggml_tensor* node) const {
        return !numbers_.empty() && (node == embedding_ || numbers_.count(node) > 0);
    }

    /**
     * Once such a node is computed: reads for its layer begin, long before the first product where the router comes
     * early; and behind them, those that the next layer will probably want.
     */
    void prefetch(const Kernel& kernel, const ggml_tensor* node);

    /** Releases the experts of a layer that is computed. */
    void end() {
        if (left_ == 0) pass_.reset();
    }

    /** Whether the next token may be guessed from this node, and from it what the first layer will want. */
    bool gives_logits(const ggml_tensor* node) const;

    /**
     * Reads for the next token's first layer begin, if the likeliest token is one whose experts can be guessed.
     * After end().
     * @param logits of which the first `known` are computed
     */
    void expect_next_token(const Kernel& kernel, const ggml_tensor* logits, int64_t known, const Stop& stop);

    Result<ggml_status> multiply(Workers& workers, const Weight& weight, int index, const Stop& stop);

  private:
    struct Layer {
        const ggml_tensor* ids;
        Experts* experts;
        std::optional<Router> router;
        std::vector<const TensorInfo*> tensors;  // in the order of the products
    };

    void begin(size_t number);

    const ggml_cgraph* graph_;
    std::vector<Layer> layers_;
    std::unordered_map<const ggml_tensor*, size_t> numbers_;  // of layers, by the node that gives their experts
    std::unique_ptr<ExpertPass> pass_;
    size_t left_ = 0;                         // products of the pass
    const ggml_tensor* embedding_ = nullptr;  // that the first layer's choice is guessed from; null: it is not
};

}  // namespace flash
