#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "platform/sparse_file.h"
#include "reader/read_queue.h"

namespace flash {

/**
 * What llama.cpp loads in place of a model's file or files, which it would read from end to end. It is one sparse file:
 * the model's header, the few weights that llama.cpp keeps, and holes in place of the weights that Flint serves. A hole
 * takes neither room nor time. Pinned weights are read from the model itself, with many reads in
 * flight.
 */
class SkeletonFile {
  public:
    /** Null where there is nothing to gain, or the system has no such files. Fails with FLASH_READ_FAILED. */
    static Result<std::unique_ptr<SkeletonFile>> create(const Model& model, const Plan& plan);

    const std::string& path() const { return file_->path(); }

    /** Bytes of one of the model's files. */
    struct Source {
        uint32_t file;  // index into Model::files
        Span span;
    };
    /** Takes a piece of the source of this index. */
    using Take = std::function<void(const uint8_t* data, size_t source, Span piece)>;
    /** Reads parts of the model, piece by piece in order. One thread at a time. Fails with FLASH_READ_FAILED. */
    Result<bool> read(const std::vector<Source>& sources, const Take& take);

  private:
    SkeletonFile(std::unique_ptr<SparseFile> file, std::vector<Reader> readers);

    /** Something that llama.cpp keeps, and where the skeleton has it. */
    struct Kept {
        Source source;
        uint64_t target;  // bytes from the beginning
    };
    /** False where there is no memory. */
    bool put(const uint8_t* data, uint64_t size, uint64_t target);
    /** Writes these, and makes the skeleton `size` bytes long. Fails with FLASH_READ_FAILED. */
    Result<bool> write(const std::vector<Kept>& kept, uint64_t size);

    std::unique_ptr<SparseFile> file_;
    std::vector<Reader> readers_;  // by Source::file
    AlignedBuffer rooms_;
    std::vector<ReadRequest> requests_;
    ReadQueue queue_;  // last: its threads end before what they read into
};

}  // namespace flash
