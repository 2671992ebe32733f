#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "experts/experts.h"
#include "experts/guess.h"
#include "experts/product.h"

namespace flash {

/**
 * One MoE layer at work. The ids of the chosen experts are known before the first product, so all that is missing of
 * all of the layer's matrices is in flight from the beginning; experts that are here are computed first.
 *
 * A prompt touches most experts of a layer, and would push everything else out of the pool for experts that it uses
 * once. So only what its last token chose takes the place of others, as the answer goes on from there; the rest takes
 * room that is free, or goes through a small ring, in order.
 */
class ExpertPass {
  public:
    /**
     * Starts reading. Waits while another context of the model is in a layer.
     * @param ids src[2] of the layer's MUL_MAT_IDs: chosen experts of each token, computed already
     * @param tensors src[0] of those MUL_MAT_IDs, in the order in which they will be computed
     */
    ExpertPass(Experts& experts, const ggml_tensor* ids, const std::vector<const TensorInfo*>& tensors);
    /** Ends reads that nobody waited for. */
    ~ExpertPass();
    ExpertPass(const ExpertPass&) = delete;
    ExpertPass& operator=(const ExpertPass&) = delete;

    const ggml_tensor* ids() const { return ids_; }

    /** Whether `expect` is of use now: for single tokens, while guesses prove right, and now and then all the same. */
    bool guesses();

    /**
     * What the next layer will probably choose, to be read behind what this one waits for.
     * @param tensors as those of that layer's pass
     * @param experts of that layer, the likeliest first
     */
    void expect(const std::vector<const TensorInfo*>& tensors, const std::vector<int32_t>& experts);

    /** Computes a MUL_MAT_ID whose src[0] is `tensor`. Fails with FLASH_READ_FAILED. */
    Result<ggml_status> multiply(Workers& workers, const TensorInfo& tensor, const ggml_tensor* node, const Stop& stop);

  private:
    /** An expert that this batch uses. */
    struct Chosen {
        uint32_t number;  // among all of the model
        uint32_t expert;  // in its layer
        std::vector<Route> routes;
        uint8_t* memory = nullptr;  // in the pool; null for one that goes through the ring
        bool missing = false;
        std::vector<ExpertRead*> reads;   // when missing: of all parts, in the order of `matrices_` and then of parts
        std::vector<ExpertRead> warming;  // these, where the background had begun them
    };
    /** Some rows of an expert's matrix: a part, or of a large part that several workers share a piece. */
    struct Job {
        const Chosen* chosen;
        ExpertPart rows;
        uint64_t skipped;  // bytes of the part before these rows
        ExpertRead* read;  // null: it is here
    };

    void choose();
    void admit();
    /** Takes what the background would have read. */
    void take_over(Chosen& chosen);
    void plan_reads();
    /** Submits what has a place to go. Called with ring_ held. */
    void advance();
    std::vector<Job> jobs_of(const ExpertMatrix& matrix, unsigned workers) const;
    /** Waits for a job's weights. */
    ggml_status fetch(const Job& job, const Stop& stop, const uint8_t*& weights, std::string& error);
    void release_room(const ExpertRead& read);

    Experts& experts_;
    const std::unique_lock<std::mutex> use_;
    const ggml_tensor* ids_;
    ExpertPlace place_;
    std::vector<const ExpertMatrix*> matrices_;  // in the order of use, then those that are not used now
    size_t used_matrices_;
    std::unique_ptr<Guess> guess_;  // what was read before this layer was known to want it; null: nothing
    std::vector<Chosen> chosen_;    // those that are here first, then those that are on their way
    std::string error_;             // why nothing can be computed

    std::mutex ring_;                   // guards what follows
    std::condition_variable advanced_;  // a read was submitted
    std::deque<ExpertRead> reads_;      // in the order of use
    size_t next_read_ = 0;              // to submit
    std::vector<Room> free_rooms_;
};

}  // namespace flash
