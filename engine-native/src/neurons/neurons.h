#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "compute/workers.h"
#include "neurons/compute_lock.h"
#include "neurons/fetch.h"
#include "neurons/predictor.h"
#include "neurons/window.h"
#include "plan/neuron_budget.h"
#include "store/store.h"

namespace flash {

/** Of one model since it was opened. */
struct NeuronStats {
    std::atomic<uint64_t> used_bytes{0};  // of active neurons
    std::atomic<uint64_t> read_bytes{0};  // from flash, with the gaps that were read through
    std::atomic<uint64_t> reads{0};
    std::atomic<uint64_t> total{0};   // neurons × tokens
    std::atomic<uint64_t> active{0};  // of these, computed
    std::atomic<uint64_t> loaded{0};  // neurons read
    // Nanoseconds on the thread that computes, apart as in the paper's table 3.
    std::atomic<uint64_t> waiting{0};   // for the disk
    std::atomic<uint64_t> managing{0};  // windows, and copies into them
    std::atomic<uint64_t> predicting{0};
    std::atomic<uint64_t> computing{0};
};

/** What is switched off to measure what it is good for; all on in use. */
struct Techniques {
    bool window = true;   // neurons stay in memory
    bool bundles = true;  // near reads are merged
};

/** A feed-forward block with squared ReLU, in a graph. */
struct FeedForward {
    const ggml_tensor* up;    // MUL_MAT
    const ggml_tensor* bias;  // of the neurons, in F32; null where they have none
    const ggml_tensor* down;  // MUL_MAT
};

/**
 * The feed-forward blocks of a converted model, neuron by neuron from its store, with those of the last tokens in
 * memory
 * ("LLM in a flash", arXiv 2312.11514). The result does not depend on what happened to be in memory: a sum over neurons
 * always goes in their order.
 */
class Neurons {
  public:
    /** @param window_bytes for neurons in memory. Fails with FLASH_NOT_A_MODEL, FLASH_READ_FAILED. */
    static Result<std::unique_ptr<Neurons>> open(const Store& store, Sparsity sparsity, uint64_t window_bytes,
                                                 Techniques techniques, NeuronStats& stats);
    ~Neurons();

    /** Asked between reads; true ends the computation with GGML_STATUS_ABORTED. */

    Sparsity sparsity() const { return sparsity_; }

    /** MUL_MAT with a down matrix. Active neurons are those that are not zero in its src[1], of neurons × tokens. Fails
     * with FLASH_READ_FAILED. */
    Result<ggml_status> project(Workers& workers, uint32_t layer, const ggml_tensor* down, const Stop& stop);

    /**
     * A block of MUL_MAT with an up matrix, maybe ADD of the neurons' biases, RELU, SQR, and MUL_MAT with a down
     * matrix, of those neurons that the predictor names for each token. What is between first and last is not computed.
     * Fails with FLASH_READ_FAILED.
     */
    Result<ggml_status> feed_forward(Workers& workers, uint32_t layer, const FeedForward& block, const Stop& stop);

  private:
    struct Layer {
        NeuronLayer shape;
        ResidentPart resident;
        std::unique_ptr<Window> window;
        std::unique_ptr<Predictor> predictor;  // with Sparsity::Predict
        std::unique_ptr<DotProduct> up_product;
    };
    /** Where a neuron's weights are while it is computed. */
    struct Rows {
        const uint8_t* up;
        const uint8_t* down;
    };

    /** A neuron that was read. */
    struct Arrival {
        uint32_t neuron;
        uint32_t active_at;  // index into active_, or kNotActive
        const uint8_t* source;
        uint32_t row;  // of the window that it goes to, or Window::kNone
    };
    static constexpr uint32_t kNotActive = UINT32_MAX;

    Neurons(const Store& store, Reader reader, Sparsity sparsity, Techniques techniques, NeuronStats& stats);

    Layer* find(uint32_t layer);
    Part part_of(const Layer& layer) const;
    /**
     * Brings active_ into memory, and calls `ready` with index ranges of it, in order, when rows_ is valid for them;
     * before that, when reading has begun, `meanwhile`, when rows_ is valid for hit_at_.
     */
    Result<ggml_status> sweep(Workers& workers, Layer& layer, const Stop& stop, const std::function<void()>& meanwhile,
                              const std::function<void(uint32_t begin, uint32_t end)>& ready);
    /** On a thread of its own: brings those into the windows that calibration found active most often. */
    void fill_windows();
    /** Of the misses in these runs, which are here: checks them, and keeps those that the window has room for. */
    Result<bool> admit(Workers& workers, Layer& layer, size_t first_run, size_t last_run, uint32_t& admitted);
    /** Names the neurons of each token: 1 in the block's activations where active, else 0. Fills active_. */
    void predict(Workers& workers, const Layer& layer, const ggml_tensor* up, const ggml_tensor* down);
    /** Computes the activations of active_ at the indices `at`, from `begin` to `end`, where they are named. */
    void activate(Workers& workers, const Layer& layer, const FeedForward& block, const std::vector<uint32_t>& at,
                  uint32_t begin, uint32_t end);
    /** Adds the down columns of active_ from `begin` to `end` to the output. */
    void accumulate(Workers& workers, const Layer& layer, const ggml_tensor* down, uint32_t begin, uint32_t end);

    Store store_;
    Reader reader_;
    Sparsity sparsity_;
    Techniques techniques_;
    NeuronStats& stats_;
    uint64_t gap_ = 0;
    std::vector<Layer> layers_;
    ComputeLock turns_;  // contexts of one model share the windows

    // Of the computation that runs.
    std::vector<uint32_t> active_;   // neurons, ascending
    std::vector<Rows> rows_;         // by index into active_
    std::vector<uint32_t> misses_;   // neurons, ascending
    std::vector<uint32_t> miss_at_;  // their indices into active_
    std::vector<uint32_t> hit_at_;   // indices of the others
    std::vector<uint8_t> kept_;      // by index into misses_: whether the window takes it
    std::vector<Run> runs_;
    std::vector<const uint8_t*> run_data_;
    std::vector<Arrival> arrivals_;
    std::vector<uint8_t> compressed_;
    std::vector<uint8_t> converted_;
    std::vector<uint8_t> named_;  // by neuron, for any token
    Fetch fetch_;

    std::thread filler_;  // last: it ends before what it fills
};

}  // namespace flash
