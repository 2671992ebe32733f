#pragma once

#include "matrix.h"
#include "store/format.h"

namespace flash {

/** How a predictor's matrices are found. */
enum class PredictorKind : uint8_t {
    Svd,    // the best of this rank for the up matrix itself: needs no activations
    Ridge,  // the best of this rank for its products with activations as in the calibration text: reduced-rank ridge
            // regression, in closed form
};

struct FitRequest {
    PredictorKind kind = PredictorKind::Ridge;
    int64_t rank = 128;
    /** Of the sum of squared contributions to the block's output, what may be lost. */
    double lost_energy = 0.005;
};

/** What a layer's feed-forward block does, in the order of its neurons. */
struct LayerSample {
    Matrix inputs;                   // a row for each token
    Matrix up;                       // a row for each neuron
    std::vector<float> bias;         // of each neuron
    Matrix products;                 // inputs × upᵀ + bias, before ReLU: a row for each token
    std::vector<float> down_length;  // Euclidean, of each neuron's down column
};

/** As in the store (store/format.h), rounded to what its types can hold. */
struct FittedPredictor {
    Matrix down;                // rank × embedding
    Matrix up;                  // neurons × rank
    std::vector<float> offset;  // by neuron
    float threshold = 0;
    StoreFigures figures{};  // of the last quarter of the tokens, which the matrices were not fitted to
};

/**
 * score = length^½ × (estimate of the product + κ × its usual error), where length is of the neuron's down column: a
 * neuron's contribution is length × relu(product)², so that the same score means the same contribution for all neurons.
 * The threshold, one for the layer, and κ are those with which the fewest neurons carry the energy that is wanted.
 */
FittedPredictor fit_predictor(const Products& products, const LayerSample& sample, const FitRequest& request);

}  // namespace flash
