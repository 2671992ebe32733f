#include "fit.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace flash {
namespace {

constexpr int64_t kOversampling = 8;
constexpr int kIterations = 3;
/** Of the covariance, towards one without any structure: there are few tokens for so many dimensions. */
constexpr float kShrinkage = 0.05F;

Matrix rows_of(const Matrix& a, int64_t begin, int64_t end) {
    Matrix part(end - begin, a.columns);
    std::copy(a.row(begin), a.row(begin) + part.data.size(), part.data.begin());
    return part;
}

/** The lower triangle of the covariance of activations, shrunk; of the identity for an SVD of the matrix itself. */
Matrix spread_of(const Products& products, const Matrix& centered, PredictorKind kind) {
    const int64_t width = centered.columns;
    Matrix covariance(width, width);
    float mean_variance = 1;
    if (kind == PredictorKind::Ridge) {
        const Matrix columns = transposed(centered);
        covariance = products(columns, columns);
        double trace = 0;
        for (int64_t i = 0; i < width; i++) trace += covariance.row(i)[i];
        const auto count = static_cast<float>(std::max<int64_t>(1, centered.rows));
        mean_variance = std::max(1e-12F, static_cast<float>(trace / static_cast<double>(width)) / count);
        for (float& value : covariance.data) value *= (1 - kShrinkage) / count;
    }
    const float diagonal = kind == PredictorKind::Ridge ? kShrinkage * mean_variance : 1.0F;
    for (int64_t i = 0; i < width; i++) covariance.row(i)[i] += diagonal;
    return cholesky(std::move(covariance));
}

/** The right singular vectors of weighted × lower, as rows: randomized subspace iteration (Halko et al., 2011). */
Matrix leading_vectors(const Products& products, const Matrix& weighted, const Matrix& lower, int64_t rank) {
    const Matrix upper = transposed(lower);
    const Matrix weighted_columns = transposed(weighted);
    Matrix basis(std::min(rank + kOversampling, weighted.columns), weighted.columns);
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& value : basis.data) value = normal(random);
    for (int i = 0; i < kIterations; i++) {
        orthonormalize(basis);
        const Matrix spread = products(basis, lower);                // rows: L × q
        const Matrix image = products(spread, weighted);             // rows: U × L × q
        basis = products(products(image, weighted_columns), upper);  // rows: Lᵀ × Uᵀ × U × L × q
    }
    // By their share, so that the first `rank` of the oversampled ones are the best.
    orthonormalize(basis);
    return rows_of(basis, 0, std::min(rank, basis.rows));
}

/** What is left of the rows when they are stored in this type. */
void round_to(ggml_type type, Matrix& matrix) {
    std::vector<uint8_t> bytes(ggml_row_size(type, matrix.columns));
    for (int64_t i = 0; i < matrix.rows; i++) {
        ggml_quantize_chunk(type, matrix.row(i), bytes.data(), 0, 1, matrix.columns, nullptr);
        ggml_get_type_traits(type)->to_float(bytes.data(), matrix.row(i), matrix.columns);
    }
}

/** An active neuron of a token. */
struct Candidate {
    float score;
    float energy;
};

struct Choice {
    float threshold = INFINITY;  // none
    uint64_t named = 0;
    uint64_t hits = 0;
    double energy = 1;  // share that is kept
};

/** The highest threshold above which are scores with the energy that is wanted. Inactive neurons have none. */
Choice choose_threshold(std::vector<Candidate>& active, double lost_energy) {
    std::sort(active.begin(), active.end(), [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    double total = 0;
    for (const Candidate& candidate : active) total += candidate.energy;
    Choice choice;
    double kept = 0;
    for (; choice.hits < active.size() && kept < total * (1 - lost_energy); choice.hits++) {
        kept += active[choice.hits].energy;
        choice.threshold = std::nextafter(active[choice.hits].score, -INFINITY);
    }
    choice.energy = total > 0 ? kept / total : 1;
    return choice;
}

}  // namespace

FittedPredictor fit_predictor(const Products& products, const LayerSample& sample, const FitRequest& request) {
    const int64_t tokens = sample.inputs.rows;
    const int64_t fitted = tokens - tokens / 4;
    const int64_t width = sample.inputs.columns;
    const int64_t neurons = sample.up.rows;
    std::vector<float> mean(static_cast<size_t>(width));
    for (int64_t t = 0; t < fitted; t++) {
        for (int64_t j = 0; j < width; j++)
            mean[static_cast<size_t>(j)] += sample.inputs.row(t)[j] / static_cast<float>(fitted);
    }
    Matrix centered = rows_of(sample.inputs, 0, tokens);
    for (int64_t t = 0; t < tokens; t++) {
        for (int64_t j = 0; j < width; j++) centered.row(t)[j] -= mean[static_cast<size_t>(j)];
    }
    std::vector<float> scale(static_cast<size_t>(neurons));
    Matrix weighted = sample.up;
    for (int64_t i = 0; i < neurons; i++) {
        scale[static_cast<size_t>(i)] = std::sqrt(sample.down_length[static_cast<size_t>(i)]);
        for (int64_t j = 0; j < width; j++) weighted.row(i)[j] *= scale[static_cast<size_t>(i)];
    }

    const Matrix lower = spread_of(products, rows_of(centered, 0, fitted), request.kind);
    Matrix vectors = leading_vectors(products, weighted, lower, request.rank);
    FittedPredictor predictor;
    predictor.up = products(weighted, products(vectors, lower));
    solve_transposed(lower, vectors);
    predictor.down = std::move(vectors);
    round_to(kPredictorUpType, predictor.up);
    round_to(kPredictorDownType, predictor.down);

    // Estimates are of scaled products: of the centered input, and what the mean gives.
    const Matrix estimates = products(products(centered, predictor.down), predictor.up);
    std::vector<float> mean_product(static_cast<size_t>(neurons));
    std::vector<float> error(static_cast<size_t>(neurons));
    for (int64_t i = 0; i < neurons; i++) {
        const auto n = static_cast<size_t>(i);
        mean_product[n] = dot(weighted.row(i), mean.data(), width) + scale[n] * sample.bias[n];
        double squares = 0;
        for (int64_t t = fitted; t < tokens; t++) {
            const float difference = scale[n] * sample.products.row(t)[i] - estimates.row(t)[i] - mean_product[n];
            squares += difference * difference;
        }
        error[n] = std::sqrt(static_cast<float>(squares / static_cast<double>(std::max<int64_t>(1, tokens - fitted))));
    }

    Choice best;
    float best_error_weight = 0;
    bool any = false;
    std::vector<Candidate> active;
    for (const float error_weight : {0.0F, 0.5F, 1.0F}) {
        const auto score = [&](int64_t t, int64_t i) {
            const auto n = static_cast<size_t>(i);
            return estimates.row(t)[i] + mean_product[n] + error_weight * error[n];
        };
        active.clear();
        for (int64_t t = fitted; t < tokens; t++) {
            for (int64_t i = 0; i < neurons; i++) {
                const float product = scale[static_cast<size_t>(i)] * sample.products.row(t)[i];
                const float square = product * product;
                if (product > 0) active.push_back({score(t, i), square * square});
            }
        }
        Choice choice = choose_threshold(active, request.lost_energy);
        for (int64_t t = fitted; t < tokens; t++) {
            for (int64_t i = 0; i < neurons; i++) choice.named += score(t, i) > choice.threshold ? 1 : 0;
        }
        if (any && choice.named >= best.named) continue;
        any = true;
        best = choice;
        best_error_weight = error_weight;
    }
    predictor.threshold = best.threshold;
    predictor.offset.resize(static_cast<size_t>(neurons));
    std::vector<float> mean_small(static_cast<size_t>(predictor.down.rows));
    for (int64_t k = 0; k < predictor.down.rows; k++) {
        mean_small[static_cast<size_t>(k)] = dot(predictor.down.row(k), mean.data(), width);
    }
    for (int64_t i = 0; i < neurons; i++) {
        const auto n = static_cast<size_t>(i);
        predictor.offset[n] = mean_product[n] - dot(predictor.up.row(i), mean_small.data(), predictor.up.columns) +
                              best_error_weight * error[n];
    }
    const auto all = static_cast<float>(std::max<int64_t>(1, (tokens - fitted) * neurons));
    const auto share = [](uint64_t part, uint64_t whole) {
        return whole == 0 ? 1.0F : static_cast<float>(part) / static_cast<float>(whole);
    };
    predictor.figures.active = static_cast<float>(active.size()) / all;
    predictor.figures.predicted = static_cast<float>(best.named) / all;
    predictor.figures.recall = share(best.hits, active.size());
    predictor.figures.precision = share(best.hits, best.named);
    predictor.figures.energy = static_cast<float>(best.energy);
    return predictor;
}

}  // namespace flash
