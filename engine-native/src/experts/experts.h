#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "experts/guess_record.h"
#include "experts/hot_set.h"
#include "experts/policy.h"
#include "experts/pool.h"
#include "experts/trace.h"
#include "plan/expert_layout.h"
#include "plan/plan.h"
#include "reader/read_queue.h"
#include "reader/read_stats.h"

namespace flash {

/** A layer waits for its first expert: what the disk serves in about two milliseconds. */
constexpr uint64_t kBytesInFlight = 6ULL << 20;

/** Which matrix of which layer a tensor of experts is. */
struct ExpertPlace {
    const ExpertLayer* layer;
    const ExpertMatrix* matrix;
    uint32_t layer_number;  // among MoE layers
};

/** A part of an expert on its way into memory. */
struct ExpertRead {
    ExpertPart part;
    uint8_t* memory;  // of the bundle; null: a room of the ring
    ReadRequest request;
    bool submitted = false;

    /** In the bundle. */
    Room room() const { return {memory + part.room, Reader::room_bytes(part.size)}; }
};

class Guess;
class Warming;

/** The experts of one model that are served from flash: their pool, and the choice of what it keeps. ExpertPass
 * computes with them. */
class Experts {
  public:
    /** Null where the plan has no pool. Fails with FLASH_READ_FAILED, FLASH_INVALID_ARGUMENT (the trace). */
    static Result<std::unique_ptr<Experts>> open(const Model& model, const Plan& plan, ReadStats& stats,
                                                 const std::string& trace_path);
    ~Experts();

    /** Writes down, beside the model, which experts were used most: the pool begins with them next time. */
    void keep();

    /** What is served under this name, or null. Valid as long as this object. */
    const TensorInfo* find(const std::string& name) const;
    const ExpertPlace& place(const TensorInfo& tensor) const { return places_.at(&tensor); }
    const TensorInfo& tensor(const ExpertMatrix& matrix) const { return tensors_[matrix.tensor]; }

    /** Reads a part of a tensor, for ggml's get_tensor. `data` has `size` bytes. */
    Result<bool> copy(const TensorInfo& tensor, uint64_t offset, uint64_t size, void* data) const;

    /** Begins to read, in the background, what the pool begins with. */
    void begin_warming();
    /** Bytes of experts that are still to come then; while a layer is computed, how many they were before it. */
    uint64_t warming_bytes();

    /** What the next token is taken for, in the order in which it becomes known. */
    enum class Token : uint8_t { LikeliestSoFar, Likeliest, Known };

    /**
     * What a token's first layer will probably choose, as soon as anything is known of the token. Nothing is asked or
     * done where it does not pay, or another context of the model is in a layer.
     * @param tensors as those of that layer's pass
     * @param token gives the token
     * @param guess gives experts of the layer for it, the likeliest first
     */
    void expect_first(const std::vector<const TensorInfo*>& tensors, Token known_as,
                      const std::function<int32_t()>& token,
                      const std::function<std::vector<int32_t>(int32_t token)>& guess);

  private:
    friend class ExpertPass;
    friend class Guess;
    friend class Warming;

    Experts(const Model& model, const Plan& plan, ReadStats& stats);

    /** Chooses what the pool begins with and makes room for it. */
    void prepare();
    /** Somebody wants experts: those that nobody has ever used are not warmed any more. */
    void begin_use();
    void submit(ExpertRead& read, Room room, ReadQueue::Lane lane = ReadQueue::Lane::Awaited);
    /** In the pool, now: as the policy has it, or below all of those where the room is on loan. */
    double rank(uint32_t expert) const;
    void count_read(uint64_t bytes);
    /** Ends these reads. @return whether all of them have brought what they were to bring */
    bool end(const std::vector<ExpertRead*>& reads);
    /** Leaves an expert that is held to the pool, with its rank, if these reads have brought all of it; or drops it. */
    void let_go(uint32_t expert, const std::vector<ExpertRead*>& reads);

    std::vector<TensorInfo> tensors_;
    ExpertLayout layout_;
    std::unordered_map<std::string, const TensorInfo*> by_name_;
    std::unordered_map<const TensorInfo*, ExpertPlace> places_;
    std::vector<Reader> readers_;  // by TensorInfo::file
    std::mutex use_;               // one pass at a time; guards what follows
    DecayedFrequency policy_;
    ExpertPool pool_;
    /**
     * By expert: whether it has room that a prompt found free, and nothing but prompts has used it since. However often
     * they did, it leaves before all that decoding uses.
     */
    std::vector<bool> borrowed_;
    HotSet hot_set_;
    uint64_t model_bytes_ = 0;  // of the first file
    uint64_t now_ = 0;          // tokens so far
    uint32_t last_layer_ = UINT32_MAX;
    AlignedBuffer ring_;
    uint64_t ring_room_;
    GuessRecord guesses_;                       // of the layer that follows
    std::array<GuessRecord, 3> first_guesses_;  // of the first, from the embedding of a token, by Token
    double first_missing_ = 0;                  // experts of the first layer, of late
    int32_t ahead_token_ = -1;                  // whose first layer ahead_ is of, if it is of a first layer
    std::optional<RoutingTrace> trace_;
    ReadStats& stats_;
    ReadQueue queue_{ReadQueue::Method::Best, kBytesInFlight};  // its threads end before what they read into
    std::unique_ptr<Warming> warming_;
    bool used_ = false;                       // since it was loaded
    std::atomic<uint64_t> warming_bytes_{0};  // as far as is known
    std::unique_ptr<Guess> ahead_;            // of the layer that comes next
};

}  // namespace flash
