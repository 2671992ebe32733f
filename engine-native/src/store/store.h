#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ggml.h"
#include "reader/reader.h"
#include "store/format.h"

namespace flash {

/** One layer of a store, checked: sizes make sense and everything lies inside the file. */
struct NeuronLayer {
    StoreLayer record;
    uint64_t up_bytes;    // of a neuron's row of the up matrix
    uint64_t down_bytes;  // of its column of the down matrix

    ggml_type up_type() const { return static_cast<ggml_type>(record.up_type); }
    ggml_type down_type() const { return static_cast<ggml_type>(record.down_type); }
    uint64_t bundle_bytes() const { return up_bytes + down_bytes; }
    uint64_t bundle_offset(uint32_t neuron) const { return record.bundles_offset + neuron * bundle_bytes(); }
    /** Of everything that lies in the store for the whole layer's predictor. */
    uint64_t predictor_bytes() const;
};

/** Bytes of a predictor for this shape. */
uint64_t predictor_bytes(uint32_t neurons, uint32_t embedding, uint32_t rank);
/** Bytes of a layer in the store that stay in memory. */
uint64_t resident_bytes(uint32_t neurons, uint32_t embedding, uint32_t rank);

/** What is where in a `.flash` store, from its header. Format: store/format.h. */
struct Store {
    std::string path;
    uint64_t identity = 0;
    std::vector<NeuronLayer> layers;  // by number, ascending

    const NeuronLayer* find(uint32_t layer) const;
};

/** Reads and checks the header. Fails with FLASH_NOT_A_MODEL and words for the user, or FLASH_READ_FAILED. */
Result<Store> read_store(const std::string& path);

/** The part of a layer that stays in memory. Pointers into `memory`. */
struct ResidentPart {
    std::vector<uint8_t> memory;
    const uint32_t* checksums = nullptr;  // of neuron i at 2i the up row's, at 2i + 1 the down column's
    const float* frequency = nullptr;
    const float* offset = nullptr;  // null without a predictor, as are the next two
    const uint8_t* down = nullptr;  // rank rows of `embedding`
    const uint8_t* up = nullptr;    // a row of `rank` for each neuron
};

/**
 * Reads and checks it.
 * @param with_predictor whether that is kept. Fails with FLASH_NOT_A_MODEL when the checksum is wrong,
 * FLASH_READ_FAILED.
 */
Result<ResidentPart> read_resident(const Reader& reader, const Store& store, const NeuronLayer& layer,
                                   bool with_predictor);

}  // namespace flash
