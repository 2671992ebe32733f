#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf/model.h"

namespace flash {

/** Rows of one expert's matrix that are read at once. */
struct ExpertPart {
    uint32_t file;    // index into Model::files
    uint64_t offset;  // bytes from the start of that file
    uint64_t size;    // bytes
    int64_t row;      // the first
    int64_t rows;
    uint64_t room;  // where in a bundle's memory its room begins, bytes
};

/** Where the experts' matrices of one kind are, such as all `up` of a layer. */
struct ExpertMatrix {
    size_t tensor;  // index into the tensors that the layout was made of
    uint32_t file;
    uint64_t offset;         // of the first expert, from the start of the file
    uint64_t bytes;          // of one expert
    int64_t rows;            // of one expert
    int64_t rows_per_part;   // whole groups, but for the last part
    uint64_t room;           // where in a bundle's memory the first part's room begins, bytes
    uint64_t room_per_part;  // bytes

    uint32_t parts() const { return static_cast<uint32_t>((rows + rows_per_part - 1) / rows_per_part); }
    ExpertPart part(uint32_t expert, uint32_t index) const;
};

/** One layer: the matrices of an expert are used together, so they are kept together, as a bundle. */
struct ExpertLayer {
    std::string prefix;  // `blk.12.`
    std::vector<ExpertMatrix> matrices;
    uint32_t experts = 0;
    uint32_t first = 0;         // the number of this layer's expert 0 among all experts of the model
    uint64_t bundle_bytes = 0;  // memory for an expert: room for all its parts
};

/** The experts of a model. Made of the header alone. */
class ExpertLayout {
  public:
    explicit ExpertLayout(const std::vector<TensorInfo>& tensors);

    /** Whether this is a tensor of experts that can be served one by one. */
    static bool serves(const TensorInfo& tensor);

    const std::vector<ExpertLayer>& layers() const { return layers_; }
    uint32_t experts() const { return experts_; }  // of all layers
    uint64_t smallest_bundle() const { return smallest_bundle_; }
    uint64_t largest_bundle() const { return largest_bundle_; }
    uint64_t largest_part_room() const { return largest_part_room_; }

  private:
    std::vector<ExpertLayer> layers_;
    uint32_t experts_ = 0;
    uint64_t smallest_bundle_ = 0;
    uint64_t largest_bundle_ = 0;
    uint64_t largest_part_room_ = 0;
};

}  // namespace flash
