#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fit.h"
#include "output.h"
#include "session.h"

namespace flash {

/** The source is not a model that can be converted. */
class NotConvertible : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct ConversionRequest {
    std::string source;       // of a split model the first part
    std::string folder;       // for what is written
    std::string quantize;     // a type's name, or empty
    std::string calibration;  // text
    std::string backend;      // libggml-flash, to verify with
    int threads = 1;
    uint64_t ram_cap = 0;  // bytes for the whole process, the source's mapped pages apart; 0: none
    PredictorKind predictor = PredictorKind::Ridge;
    bool source_order = false;  // of neurons, to measure what ours is good for
};

/** What a conversion will take, known from the source's header alone; in bytes. */
struct ConversionEstimate {
    uint64_t model_bytes;   // on disk
    uint64_t store_bytes;   // on disk
    uint64_t memory_bytes;  // while it is converted, the source's mapped pages apart
};

struct LayerReport {
    uint32_t layer;
    int64_t neurons;
    int64_t rank;
    uint64_t predictor_bytes;
    StoreFigures figures;
};

struct ConversionReport {
    std::string model;  // the skeleton's path
    std::string store;
    uint64_t model_bytes = 0;  // on disk: without the holes
    uint64_t store_bytes = 0;
    std::vector<LayerReport> layers;
    uint32_t verified_tokens =
        0;  // of which the converted model found `equal_tokens` the most likely, as the source did
    uint32_t equal_tokens = 0;
    double dense_perplexity = 0;    // of the last quarter of the calibration text
    double predict_perplexity = 0;  // with predicted neurons
};

/** Told what is being done and how far it is, in units of its own. */
using Progress = std::function<void(const std::string& stage, uint64_t done, uint64_t total)>;

/** Whether it is squared ReLU that the model uses, only `convert` finds. Throws NotConvertible, TooLittleMemory. */
ConversionEstimate estimate(const ConversionRequest& request);

/**
 * Writes a model as a skeleton and a store (store/format.h). In a folder of its own until all is verified, so that an
 * interrupted conversion leaves nothing under a final name, and the next one goes on where it stopped.
 * Throws NotConvertible, TooLittleMemory, DiskError, std::runtime_error, all with words for a person.
 */
ConversionReport convert(const ConversionRequest& request, const Progress& progress);

}  // namespace flash
