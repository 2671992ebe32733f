#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ggml-backend.h"
#include "plan/plan.h"
#include "reader/reader.h"

namespace flash {

/** What was read and used, for all models since the process started. */
struct StreamStats {
    std::atomic<uint64_t> used_bytes{0};
    std::atomic<uint64_t> read_bytes{0};
    std::atomic<uint64_t> reads{0};
};

/**
 * The dense weights of one model that live on flash: reads them when they are used, through a staging buffer of fixed
 * size, and multiplies with ggml's own CPU kernels on stand-in tensors that point into it. The products of a tile of
 * rows are the same bits as those of the whole matrix: each output element is one dot product.
 */
class Stream {
  public:
    /** Opens the files and takes the staging buffer. Fails with FLASH_READ_FAILED. */
    static Result<std::unique_ptr<Stream>> open(const Model& model, const Plan& plan, StreamStats& stats);

    /** The tensor that is served under this name, or null. Valid as long as this object. */
    const TensorInfo* find(const std::string& name) const;

    /** Reads a part of a tensor, for ggml's get_tensor. `data` has `size` bytes. */
    Result<bool> copy(const TensorInfo& tensor, uint64_t offset, uint64_t size, void* data) const;

    /**
     * Computes one MUL_MAT whose src[0] is `tensor`, on `cpu`. Called from one thread at a time.
     * @return what the kernel returned: also GGML_STATUS_ABORTED, which `cpu`'s abort callback causes.
     *         Fails with FLASH_READ_FAILED.
     */
    Result<ggml_status> multiply(ggml_backend_t cpu, const TensorInfo& tensor, const ggml_tensor* node);

  private:
    Stream(uint64_t staging_bytes, StreamStats& stats) : staging_(staging_bytes), stats_(stats) {}

    std::vector<Reader> readers_;  // by TensorInfo::file
    std::unordered_map<std::string, TensorInfo> tensors_;
    AlignedBuffer staging_;
    StreamStats& stats_;
};

}  // namespace flash
