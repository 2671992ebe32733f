#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "platform/memory_file.h"
#include "reader/read_queue.h"

namespace flash {

/**
 * What llama.cpp loads instead of a model's file, or files, which it would read from end to end: one file in memory
 * with the model's header and the few weights that llama.cpp keeps, holes where ours are. What is in a hole takes
 * neither memory nor time. Of ours those that are to be in memory are read from the model itself, with many reads in
 * flight.
 */
class Outline {
  public:
    /** Null where there is nothing to gain, or the system has no such files. Fails with FLASH_READ_FAILED. */
    static Result<std::unique_ptr<Outline>> create(const Model& model, const Plan& plan);

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
    Outline(std::unique_ptr<MemoryFile> file, std::vector<Reader> readers);

    /** Something that llama.cpp keeps, and where the outline has it. */
    struct Kept {
        Source source;
        uint64_t target;  // bytes from the beginning
    };
    /** False where there is no memory. */
    bool put(const uint8_t* data, uint64_t size, uint64_t target);
    /** Writes these, and makes the outline `size` bytes long. Fails with FLASH_READ_FAILED. */
    Result<bool> write(const std::vector<Kept>& kept, uint64_t size);

    std::unique_ptr<MemoryFile> file_;
    std::vector<Reader> readers_;  // by Source::file
    AlignedBuffer rooms_;
    std::vector<ReadRequest> requests_;
    ReadQueue queue_;  // last: its threads end before what they read into
};

}  // namespace flash
