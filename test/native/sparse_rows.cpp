#include "sparse_rows.h"

#include <cmath>

namespace flint {
namespace {

/** Of an embedding's squared length, in the shared direction. */
constexpr float kShared = 0.5F;
/** Standard deviation of thresholds, in that of a neuron's product. */
constexpr float kThresholds = 2;
constexpr uint64_t kConcepts = 64;
/** Concepts in an up row, each as strong as the others. */
constexpr int kMixed = 4;
/** Of an up row's squared length, its own part. */
constexpr float kOwn = 0.1F;

/** The number that a standard normal one is above with this probability. */
double upper_quantile(double probability) {
    double low = -10;
    double high = 10;
    while (high - low > 1e-9) {
        const double middle = (low + high) / 2;
        (std::erfc(middle / std::sqrt(2.0)) / 2 > probability ? low : high) = middle;
    }
    return low;
}

}  // namespace

SparseRows::SparseRows(uint32_t embedding, double active, Random& random)
    : random_(random),
      // Product minus threshold has the variance of both.
      mean_threshold_(static_cast<float>(upper_quantile(active)) * std::sqrt(1 + kThresholds * kThresholds)),
      direction_(embedding) {
    const float part = 1 / std::sqrt(static_cast<float>(embedding));
    for (float& number : direction_) number = random_.below(2) == 0 ? part : -part;
}

void SparseRows::embedding(std::vector<float>& row) {
    const float length = std::sqrt(kShared * static_cast<float>(row.size()));
    for (size_t i = 0; i < row.size(); i++) {
        row[i] = length * direction_[i] + std::sqrt(1 - kShared) * random_.normal();
    }
}

void SparseRows::begin_layer() {
    const float part = 1 / std::sqrt(static_cast<float>(direction_.size()));
    concepts_.assign(kConcepts, std::vector<float>(direction_.size()));
    for (std::vector<float>& concept_row : concepts_) {
        for (float& number : concept_row) number = part * random_.normal();
    }
}

void SparseRows::up(std::vector<float>& row) {
    const float part = 1 / std::sqrt(static_cast<float>(row.size()));
    const float threshold = mean_threshold_ + kThresholds * random_.normal();
    // A product with the shared part of an input against the standard deviation of one with the rest of it.
    const float bias = threshold * part * std::sqrt((1 - kShared) / kShared);
    for (float& number : row) number = std::sqrt(kOwn) * part * random_.normal();
    for (int i = 0; i < kMixed; i++) {
        const std::vector<float>& mixed = concepts_[random_.below(kConcepts)];
        const float weight = std::sqrt((1 - kOwn) / kMixed) * (random_.below(2) == 0 ? 1.0F : -1.0F);
        for (size_t j = 0; j < row.size(); j++) row[j] += weight * mixed[j];
    }
    set_share(row, -bias);
}

void SparseRows::output(std::vector<float>& row) const { set_share(row, 0); }

void SparseRows::set_share(std::vector<float>& row, float share) const {
    for (size_t i = 0; i < row.size(); i++) share -= row[i] * direction_[i];
    for (size_t i = 0; i < row.size(); i++) row[i] += share * direction_[i];
}

}  // namespace flint
