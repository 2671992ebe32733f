#include "neurons/predictor.h"

namespace flash {

Result<Predictor> Predictor::create(const NeuronLayer& layer, const ResidentPart& part) {
    const auto down = DotProduct::of(kPredictorDownType);
    if (!down) return down.error();
    const auto up = DotProduct::of(kPredictorUpType);
    if (!up) return up.error();
    return Predictor(*down, *up, layer, part);
}

Predictor::Predictor(DotProduct down_product, DotProduct up_product, const NeuronLayer& layer, const ResidentPart& part)
    : down_product_(down_product),
      up_product_(up_product),
      part_(&part),
      embedding_(layer.record.embedding),
      rank_(layer.record.rank),
      row_bytes_(ggml_row_size(kPredictorUpType, layer.record.rank)),
      threshold_(layer.record.threshold) {}

void Predictor::compress(const float* x, uint8_t* compressed) const {
    std::vector<uint8_t> converted(down_product_.activation_bytes(embedding_));
    down_product_.convert(x, embedding_, converted.data());
    const uint64_t row_bytes = ggml_row_size(kPredictorDownType, embedding_);
    std::vector<float> small(rank_);
    for (uint32_t i = 0; i < rank_; i++) {
        small[i] = down_product_(part_->down + i * row_bytes, converted.data(), embedding_);
    }
    up_product_.convert(small.data(), rank_, compressed);
}

}  // namespace flash
