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
 * What llama.cpp loads instead of a model's file, which it would read from end to end: a file in memory with the
 * model's header and the few weights that llama.cpp keeps, holes where ours are. What is in a hole takes neither memory
 * nor time. Of ours those that are to be in memory are read from the model itself, with many reads in flight.
 */
class Outline {
  public:
    /** Null where there is nothing to gain, or the system has no such files. Fails with FLASH_READ_FAILED. */
    static Result<std::unique_ptr<Outline>> create(const Model& model, const Plan& plan);

    const std::string& path() const { return file_->path(); }

    /** Takes a piece of a span. */
    using Take = std::function<void(const uint8_t* data, Span piece)>;
    /** Reads spans of the model, piece by piece in order. One thread at a time. Fails with FLASH_READ_FAILED. */
    Result<bool> read(const std::vector<Span>& spans, const Take& take);

  private:
    Outline(std::unique_ptr<MemoryFile> file, Reader reader);

    std::unique_ptr<MemoryFile> file_;
    Reader reader_;
    AlignedBuffer rooms_;
    std::vector<ReadRequest> requests_;
    ReadQueue queue_;  // last: its threads end before what they read into
};

}  // namespace flash
