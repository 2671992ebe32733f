#pragma once

#include <string>
#include <vector>

#include "gguf/model.h"
#include "matrix.h"
#include "platform/files.h"

namespace flash {

/** A feed-forward block that can be kept neuron by neuron: it has no gate. */
struct Block {
    uint32_t layer;
    const TensorInfo* up;    // embedding × neurons
    const TensorInfo* down;  // neurons × embedding
    const TensorInfo* bias;  // of the neurons, in F32; null where they have none

    int64_t neurons() const { return up->ne[1]; }
    int64_t embedding() const { return up->ne[0]; }
};

/** The blocks of a model that have the shape; whether they use ReLU only its graph tells. */
std::vector<Block> blocks_of(const Model& model);

/** Reads tensors of a GGUF model. Throws std::runtime_error with words for a person. */
class Source {
  public:
    explicit Source(const Model& model);

    std::vector<uint8_t> bytes(const TensorInfo& tensor) const;
    /** As numbers, a row for each of the tensor's. */
    Matrix numbers(const TensorInfo& tensor) const;

  private:
    std::vector<FileStream> files_;
};

}  // namespace flash
