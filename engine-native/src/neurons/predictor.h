#pragma once

#include "neurons/rows.h"
#include "store/store.h"

namespace flash {

/**
 * Guesses which neurons of a layer matter for a token, from the input of its feed-forward block ("LLM in a flash",
 * arXiv 2312.11514, section 3.1): score = up · (down · x) + offset, of low rank. How the matrices are found is the
 * converter's affair (convert/predictor.h); here a neuron whose score is above the layer's threshold is computed.
 */
class Predictor {
  public:
    /** Fails with FLASH_INVALID_ARGUMENT where this processor has no kernel. `part` must outlive it. */
    static Result<Predictor> create(const NeuronLayer& layer, const ResidentPart& part);

    /** Bytes of what `compress` makes of one token. */
    uint64_t compressed_bytes() const { return up_product_.activation_bytes(rank_); }
    /** The first half, for one token: x has `embedding` elements. */
    void compress(const float* x, uint8_t* compressed) const;
    /** The second half: the scores of the neurons from `first` to before `last`. */
    void score(uint32_t first, uint32_t last, const uint8_t* compressed, float* scores) const;

  private:
    Predictor(DotProduct down_product, DotProduct up_product, const NeuronLayer& layer, const ResidentPart& part);

    DotProduct down_product_;
    DotProduct up_product_;
    const ResidentPart* part_;
    uint32_t embedding_;
    uint32_t rank_;
    uint64_t row_bytes_;
};

}  // namespace flash
