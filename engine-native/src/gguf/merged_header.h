#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "gguf/model.h"
#include "reader/reader.h"

namespace flash {

/**
 * The header that the parts of a split model would have if they were one file. Its values are those of the first part,
 * byte by byte; only its list of tensors is written anew. Format: the GGUF specification in ggml's docs/gguf.md.
 */
class MergedHeader {
  public:
    /** Null where the first part can't be read any more, or two parts have a tensor of the same name. */
    static std::unique_ptr<MergedHeader> of(const Model& model);

    /** Bytes of the header that are ours, by where they begin. */
    struct Written {
        std::vector<uint8_t> bytes;
        uint64_t target;  // bytes from the beginning
    };
    /** Before the values, and behind them. */
    const std::vector<Written>& written() const { return written_; }

    /** Bytes of the first part. */
    struct Copied {
        Span span;
        uint64_t target;  // bytes from the beginning
    };
    const std::vector<Copied>& copied() const { return copied_; }

    /** Where a tensor of the model is, in bytes from the beginning. */
    uint64_t offset_of(const std::string& tensor) const { return offsets_.at(tensor); }
    /** Of the file that there would be, in bytes. */
    uint64_t size() const { return size_; }

  private:
    std::vector<Written> written_;
    std::vector<Copied> copied_;
    std::unordered_map<std::string, uint64_t> offsets_;
    uint64_t size_ = 0;
};

}  // namespace flash
