#pragma once

#include <cstdint>
#include <vector>

#include "random.h"

namespace flint {

/**
 * Weights of a model with squared ReLU whose neurons are mostly inactive, and repeat from token to token as those of a
 * trained model do. All embeddings share a direction, which survives the norms; a neuron's up row has a negative part
 * along it, which is its threshold. Thresholds are normally distributed, so widely that the neurons active for any of
 * five tokens are 2.3 times those of one, as of the real model in test/fixtures (21 and 48%).
 *
 * The rest of an up row is a mixture of few concepts of its layer, and a part of its own that no predictor of low rank
 * can see.
 */
class SparseRows {
  public:
    /** @param active share of the neurons of a layer, above 0 and below 1, that a token makes active on average */
    SparseRows(uint32_t embedding, double active, Random& random);

    /** Of the token embedding: numbers of variance 1. */
    void embedding(std::vector<float>& row);
    /** The next layer has other concepts. */
    void begin_layer();
    void up(std::vector<float>& row);
    /** Of the output matrix: without the shared direction, with which the same token would always win. */
    void output(std::vector<float>& row) const;

  private:
    /** Makes the row's product with the direction this. */
    void set_share(std::vector<float>& row, float share) const;

    Random& random_;
    float mean_threshold_;
    std::vector<float> direction_;  // of length 1
    std::vector<std::vector<float>> concepts_;
};

}  // namespace flint
