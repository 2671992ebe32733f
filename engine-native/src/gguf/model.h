#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ggml.h"
#include "result.h"
#include "store/store.h"

namespace flash {

/** How llama.cpp's graph uses a weight. */
enum class Use : uint8_t {
    Multiply,  // MUL_MAT, all rows for every token
    Rows,      // GET_ROWS, one row for each token
    Neurons,   // MUL_MAT, of the neurons that are active
};

/** What of a tensor is in the model's store, neuron by neuron. */
enum class NeuronPart : uint8_t {
    None,
    Up,    // a copy of its rows: the file has them too
    Down,  // its columns: the file has a hole
};

/** Where a tensor of a GGUF model lies, from the header alone. */
struct TensorInfo {
    std::string name;
    ggml_type type;
    std::array<int64_t, GGML_MAX_DIMS> ne;  // elements, the row first, as in ggml
    uint32_t file;                          // index into Model::files
    uint64_t offset;                        // bytes from the start of that file
    uint64_t size;                          // bytes
    Use use;
    NeuronPart part = NeuronPart::None;
};

/** What the plan needs to know of a model. Format: the GGUF specification in ggml's docs/gguf.md. */
struct Model {
    std::vector<std::string> files;  // more than one for a split model
    /** A token embedding that serves as output too is here twice, with either use, as llama.cpp keeps it. */
    std::vector<TensorInfo> tensors;
    std::optional<Store> store;  // of a converted model
    std::string architecture;
    uint64_t metadata_bytes = 0;                // of the first file's header: most of it is the vocabulary
    double used_expert_share = 1;               // of a MoE model's experts, for one token
    uint64_t experts_used = 0;                  // of each MoE layer, for one token
    uint64_t trained_context = 0;               // tokens
    uint64_t embedding = 0;                     // width of the residual stream
    uint64_t feed_forward = 0;                  // the widest feed-forward block
    uint64_t vocabulary = 0;                    // tokens
    uint64_t kv_bytes_per_token = 0;            // all layers, keys and values in F16
    uint64_t quantized_kv_bytes_per_token = 0;  // as above, in Q8_0; 0 where they must not be
    std::vector<uint64_t> layer_kv_bytes;       // of those in F16, by layer
    // Of attention, for each pair of a token that is computed and one of the context; 0 with flash attention.
    uint64_t score_bytes = 0;
    // Why llama.cpp must not be given it, as it would refuse it or end the process (metadata_check.h); words for the
    // user.
    std::optional<std::string> fault;
};

/**
 * Reads the headers of `path` and, for a split model, of its other parts, and checks that the files are as long as
 * their headers say. Fails with FLASH_NOT_A_MODEL and words for the user. What the header means is not checked: see
 * Model::fault.
 */
Result<Model> read_model(const std::string& path);

/** As read_model, and fails for a model that has a fault. */
Result<Model> read_usable_model(const std::string& path);

}  // namespace flash
