#pragma once

#include "fit.h"
#include "output.h"
#include "source.h"
#include "store/store.h"

namespace flash {

/** A layer of the store to be: its sizes are known before its contents. */
struct LayerPlan {
    Block block;                 // of the model that becomes the skeleton
    const TensorInfo* original;  // down matrix that the columns are taken from: before any quantization
    ggml_type down_type;         // of the columns
    StoreLayer record;           // with offsets, without what fitting finds
};

/**
 * The layers of a store. A column keeps the type and the bits of the down matrix where that has one number after
 * another (F32, F16, BF16). Blocks of other types run across neurons, so that columns are quantized anew: from an
 * original of 16 bits or more to the type of the skeleton, else to Q8_0, of which the error is small beside what is
 * lost already.
 */
std::vector<LayerPlan> plan_layers(const Model& skeleton, const Model& original, int64_t rank);
/** Of the whole file. */
uint64_t store_bytes(const std::vector<LayerPlan>& layers);

/** What fitting a layer has found. */
struct LayerContent {
    std::vector<uint32_t> order;
    FittedPredictor predictor;
    std::vector<float> frequency;  // by old number
};

/** Writes a layer, and returns its record, complete. `down` has a row for each neuron, by old number. */
StoreLayer write_layer(OutputFile& file, const Source& skeleton, const LayerPlan& plan, const Matrix& down,
                       const LayerContent& content);

/** Writes what a store begins with; then it is complete. */
void write_header(OutputFile& file, const std::vector<StoreLayer>& layers, uint64_t identity, uint64_t file_bytes);

}  // namespace flash
