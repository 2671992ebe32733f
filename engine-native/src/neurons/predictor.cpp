#include "neurons/predictor.h"

namespace flash {

Result<Predictor> Predictor::create(const NeuronLayer& layer, const ResidentPart& part) {
    const auto dot = DotProduct::of(GGML_TYPE_Q8_0);
    if (!dot) return dot.error();
    return Predictor(*dot, layer, part);
}

Predictor::Predictor(DotProduct dot, const NeuronLayer& layer, const ResidentPart& part)
    : dot_(dot),
      part_(&part),
      embedding_(layer.record.embedding),
      rank_(layer.record.rank),
      row_bytes_(ggml_row_size(GGML_TYPE_Q8_0, layer.record.rank)),
      threshold_(layer.record.threshold) {}

void Predictor::compress(const float* x, uint8_t* compressed) const {
    std::vector<float> small(rank_);
    for (uint32_t i = 0; i < rank_; i++) {
        const float* row = part_->down + size_t{i} * embedding_;
        float sums[16] = {};  // independent, for the compiler to compute at once
        uint32_t j = 0;
        for (; j + 16 <= embedding_; j += 16) {
            for (uint32_t lane = 0; lane < 16; lane++) sums[lane] += row[j + lane] * x[j + lane];
        }
        float sum = 0;
        for (; j < embedding_; j++) sum += row[j] * x[j];
        for (const float lane : sums) sum += lane;
        small[i] = sum;
    }
    dot_.convert(small.data(), rank_, compressed);
}

}  // namespace flash
