#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "gguf/model.h"
#include "platform/files.h"

namespace flash {

/** The disk failed, or is too full. */
class DiskError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/** A file that is written in order or with holes. Throws DiskError. */
class OutputFile {
  public:
    /** Opens for reading and writing; keeps what is there. */
    explicit OutputFile(const std::string& path);

    void write(uint64_t offset, const void* data, size_t size);
    uint64_t size() const;
    void resize(uint64_t size);
    /** Waits until all of it is on the disk. */
    void sync();
    std::FILE* stream() { return file_.get(); }

  private:
    [[noreturn]] void fail(const std::string& why) const;

    std::string path_;
    FileStream file_;
};

/** Bytes that may still be written to the file system of this folder. */
uint64_t free_bytes(const std::string& folder);

/** What the skeleton says beside what the model said. */
struct StoreReference {
    std::string file_name;
    uint64_t identity = 0;
    // 0 while they are not measured
    double dense_perplexity = 0;
    double predict_perplexity = 0;
};

/** A layer's neurons in their new order: `order[i]` is the i-th's old number. */
struct LayerOrder {
    uint32_t layer;
    std::vector<uint32_t> order;
};

/** Bytes that the skeleton of a model takes on disk: without the down matrices of these layers. */
uint64_t skeleton_bytes(const Model& model, const std::vector<LayerOrder>& layers);

/**
 * Writes the model without its down matrices, which are holes of the file, and with its up matrices' rows, and the
 * neurons' biases, in the order of the store. All parts of a split model become one. Throws std::runtime_error.
 */
void write_skeleton(const Model& model, const std::vector<LayerOrder>& layers, const StoreReference& store,
                    const std::string& path);

/** Writes the perplexities into the skeleton, which was written of this model without. */
void add_perplexities(const Model& model, const StoreReference& store, const std::string& path);

}  // namespace flash
