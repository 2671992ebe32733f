#include "neurons/predictor.h"

namespace flash {

Result<Predictor> Predictor::create(const NeuronLayer& layer, const ResidentPart& part) {
    const auto down = DotProduct::of(kPredictorDownType);
    if (!down) return down.error();
    const auto up = DotProduct::of(kPredictorUpType);
    if (!up) return up.error();
    static_assert(kPredictorUpType == GGML_TYPE_Q4_0, "as multiply_short_rows takes them");
    if (up->activation_type() != GGML_TYPE_Q8_0) {
        return Error{FLASH_INVALID_ARGUMENT, "ggml multiplies Q4_0 otherwise on this processor"};
    }
    return Predictor(*down, *up, layer, part);
}

Predictor::Predictor(DotProduct down_product, DotProduct up_product, const NeuronLayer& layer, const ResidentPart& part)
    : down_product_(down_product),
      up_product_(up_product),
      part_(&part),
      embedding_(layer.record.embedding),
      rank_(layer.record.rank),
      row_bytes_(ggml_row_size(kPredictorUpType, layer.record.rank)) {}

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

void Predictor::score(uint32_t first, uint32_t last, const uint8_t* compressed, float* scores) const {
    multiply_short_rows(part_->up + first * row_bytes_, last - first, compressed, rank_, scores);
    for (uint32_t i = first; i < last; i++) scores[i - first] += part_->offset[i];
}

}  // namespace flash
