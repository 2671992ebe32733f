#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "compute/weight_order.h"
#include "compute/workers.h"
#include "ggml-backend.h"
#include "plan/plan.h"
#include "reader/read_queue.h"
#include "reader/read_stats.h"

namespace flash {

/**
 * The dense weights of one model that Flint serves. Pinned matrices stay where llama.cpp put them. Tiles of the others
 * are read ahead, in the order of the graph, into a ring of fixed size, and from the last layer of a pass on into the
 * first of the next. They are multiplied as they arrive, with ggml's own kernels on tensors that point into the ring. A
 * token uses every weight once and in the same order, so there is nothing to gain by keeping tiles: any cache by
 * recency would hit 0%.
 */
class Stream {
  public:
    /** Opens the files and takes the ring. Fails with FLASH_READ_FAILED. */
    static Result<std::unique_ptr<Stream>> open(const Model& model, const Plan& plan, ReadStats& stats);
    ~Stream();

    /** What is served under this name for this use, or null. Valid as long as this object. */
    const TensorInfo* find(const std::string& name, Use use) const;

    /** Reads a part of a tensor, for ggml's get_tensor. `data` has `size` bytes. */
    Result<bool> copy(const TensorInfo& tensor, uint64_t offset, uint64_t size, void* data) const;

    /** Called when the first `rows` rows of a product, which are most of them, are computed; other workers go on. */
    using Preview = std::function<void(const Kernel& kernel, int64_t rows)>;

    /** Whether this matrix is kept in memory: then its tensor has data. */
    bool pinned(const TensorInfo& tensor) const { return pinned_.count(&tensor) > 0; }

    /**
     * Computes a MUL_MAT whose src[0] is `tensor`. Fails with FLASH_READ_FAILED.
     * @param token_by_token see OpSlice::multiply_by_token
     * @param preview called, of a pinned matrix, by the worker that completes these rows
     */
    Result<ggml_status> multiply(Workers& workers, const TensorInfo& tensor, const ggml_tensor* node,
                                 bool token_by_token, const Stop& stop, const Preview& preview = {});

    /**
     * Computes a GET_ROWS whose src[0] is `tensor`: reads only the rows, and not those that it read last.
     * Fails with FLASH_READ_FAILED.
     */
    Result<ggml_status> get_rows(const Kernel& kernel, const TensorInfo& tensor, const ggml_tensor* node,
                                 const Stop& stop);

  private:
    /** A tile that is being read, or is here, or was computed and waits for those before it. */
    struct Entry {
        ReadRequest request;
        bool computed = false;
    };

    Stream(const Model& model, const Plan& plan, ReadStats& stats);

    /** What became of a tile that was asked for. */
    struct Arrival {
        ggml_status status;
        const uint8_t* data;  // when GGML_STATUS_SUCCESS
        std::string error;    // when GGML_STATUS_FAILED
    };
    /** Computes tiles on all workers; `fetch` gives the bytes of the i-th, `done` is called by the worker that computed
     * it. */
    Result<ggml_status> multiply_tiles(Workers& workers, const ggml_tensor* node, bool token_by_token,
                                       const std::vector<Tile>& tiles,
                                       const std::function<Arrival(uint64_t i, const Stop& stop)>& fetch,
                                       const std::function<void(uint64_t i, const Kernel& kernel)>& done,
                                       const Stop& stop);

    /** Moves the head to where `tensor` begins: there already, if the order is as it was. */
    void seek(const TensorInfo& tensor);
    /** Gives up all tiles before `position`, which becomes the head. */
    void drop_until(uint64_t position);
    /** Submits reads for as many tiles ahead as there is room. Called with ring_ held. */
    void read_ahead();
    /** Where in the ring the next tile goes; its data is null when there is no room. Called with ring_ held. */
    Room next_room(uint64_t size) const;
    void release(uint64_t position);
    /** Waits for the tile at this position. */
    Arrival arrive(uint64_t position, const Stop& stop);
    void count_used(uint64_t bytes);
    /** Called as a matrix is used: times the first layer of the first pass. */
    void time_first_layer(const TensorInfo& tensor);
    void count_read(uint64_t bytes);

    std::vector<TensorInfo> tensors_;
    std::unordered_map<const TensorInfo*, std::vector<Tile>> pinned_;
    std::vector<Reader> readers_;  // by TensorInfo::file
    WeightOrder order_;
    AlignedBuffer memory_;
    AlignedBuffer row_memory_;
    std::vector<ReadRequest> row_requests_;
    std::mutex use_;                    // one computation at a time: contexts of one model share the ring
    uint64_t head_ = 0;                 // the next position to compute
    std::mutex ring_;                   // guards what follows
    std::condition_variable advanced_;  // a tile was submitted
    std::deque<Entry> entries_;         // in order; the first is at position first_
    uint64_t first_ = 0;
    std::optional<std::string> first_layer_;  // its name, once it has begun
    std::chrono::steady_clock::time_point began_;
    ReadStats& stats_;
    ReadQueue queue_;  // last: its threads end before what they read into
};

}  // namespace flash
