#pragma once

#include <cstddef>
#include <cstdint>

#include "ggml.h"

namespace flash {

/**
 * A `.flash` store, version 2: the feed-forward neurons of one model, each a bundle of its row of the up matrix and its
 * column of the down matrix, so that a neuron is one contiguous read ("LLM in a flash", arXiv 2312.11514, section 3.2).
 *
 *     StoreHeader
 *     StoreLayer × layer_count
 *     for each layer: bundles, neuron after neuron without gaps; then what stays in memory:
 *         uint32_t checksums[2 × neurons]   of each neuron's up row and down column
 *         float    frequency[neurons]       share of calibration tokens for which it was active
 *         and, where rank > 0, the predictor (see neurons/predictor.h):
 *         float    offset[neurons]          in units of the score
 *         Q8_0     down[rank × embedding]   rows
 *         Q4_0     up[neurons × rank]       rows
 *
 * Sizes and offsets are bytes, numbers little-endian. Checksums are the low bits of XXH64 with seed 0.
 * What belongs to a layer begins at a multiple of kStoreAlignment.
 */
constexpr char kStoreMagic[8] = {'F', 'L', 'A', 'S', 'H', 'F', 'F', 'N'};
constexpr uint32_t kStoreVersion = 2;
/** Of a predictor's matrices. */
constexpr ggml_type kPredictorDownType = GGML_TYPE_Q8_0;
constexpr ggml_type kPredictorUpType = GGML_TYPE_Q4_0;
constexpr uint64_t kStoreAlignment = 4096;
/** Far beyond any model, small enough that products of them cannot overflow. */
constexpr uint32_t kMostStoreLayers = 1U << 12;
constexpr uint32_t kMostNeurons = 1U << 20;
constexpr uint32_t kWidestEmbedding = 1U << 18;
constexpr uint32_t kHighestRank = 1U << 13;

/** In the skeleton's metadata: the store's file name, beside the skeleton, and its identity. */
constexpr const char* kStoreNameKey = "flint.store.file";
constexpr const char* kStoreIdentityKey = "flint.store.identity";
/** And, in F32, what the conversion measured, of calibration text that nothing was fitted to. */
constexpr const char* kDensePerplexityKey = "flint.perplexity.dense";
constexpr const char* kPredictPerplexityKey = "flint.perplexity.predict";

struct StoreHeader {
    char magic[8];
    uint32_t version;
    uint32_t layer_count;
    uint64_t identity;         // random; the skeleton has the same
    uint64_t file_bytes;       // of the whole store
    uint64_t layers_checksum;  // of all StoreLayers
    uint64_t checksum;         // of the bytes before it
};

/** What calibration found for a layer: shares of its neurons, over calibration tokens that did not fit the predictor.
 */
struct StoreFigures {
    float active;      // neurons that were not zero
    float predicted;   // that the predictor named
    float recall;      // of the active ones, named
    float precision;   // of the named ones, active
    float energy;      // of the sum of squared contributions, named
    float down_error;  // of the down matrix, for its other layout: root of (sum of squared errors ÷ sum of squares)
};

struct StoreLayer {
    uint32_t layer;
    uint32_t neurons;
    uint32_t embedding;
    uint32_t up_type;    // ggml_type
    uint32_t down_type;  // ggml_type
    uint32_t rank;       // of the predictor; 0: none
    float threshold;     // a neuron whose score is above is computed
    uint32_t unused;
    uint64_t bundles_offset;
    uint64_t resident_offset;
    uint64_t resident_bytes;
    uint64_t resident_checksum;
    StoreFigures figures;
};

static_assert(sizeof(StoreHeader) == 48 && sizeof(StoreLayer) == 88, "the layout of the file");

/** XXH64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md) with seed 0. */
uint64_t checksum(const void* data, size_t size);

}  // namespace flash
