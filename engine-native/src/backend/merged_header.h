#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "gguf.h"

namespace flash {

/** The header that the parts of a split model would have if they were one file. Format: ggml's docs/gguf.md. */
class MergedHeader {
  public:
    /** Null where a part cannot be read, or two have a tensor of the same name. @param paths in their order */
    static std::unique_ptr<MergedHeader> of(const std::vector<std::string>& paths);

    /** Up to where the first tensor begins. False where it can't be written. */
    bool write(std::FILE* file) const { return gguf_write_to_file_ptr(header_.get(), file, true); }

    /** Where a tensor of a part is, in bytes from the beginning of the file that there would be. */
    uint64_t offset_of(const std::string& tensor) const;
    /** Of that file, in bytes. */
    uint64_t size() const;

  private:
    using Header = std::unique_ptr<gguf_context, decltype(&gguf_free)>;

    explicit MergedHeader(Header header) : header_(std::move(header)), data_begin_(gguf_get_meta_size(header_.get())) {}

    uint64_t begin_of(int64_t tensor) const { return data_begin_ + gguf_get_tensor_offset(header_.get(), tensor); }

    Header header_;
    uint64_t data_begin_;
};

}  // namespace flash
