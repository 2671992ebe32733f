#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "backend/skeleton_file.h"
#include "experts/experts.h"
#include "neurons/neurons.h"
#include "plan/plan.h"
#include "stream/stream.h"

namespace flash {

/** How a model is served, beside its plan. */
struct ServingOptions {
    Sparsity sparsity = Sparsity::Exact;
    Techniques techniques;
    std::string trace_path;  // a file to record the routing of experts in; empty: none
};

/** What serves one model, from `open` until its handle and all that llama.cpp has of it are gone. */
class ServedModel {
  public:
    /** Opens the model's files. Fails with FLASH_READ_FAILED, FLASH_NOT_A_MODEL. */
    static Result<std::shared_ptr<ServedModel>> open(const Model& model, const Plan& plan,
                                                     const ServingOptions& options);

    ReadStats read_stats;
    NeuronStats neuron_stats;
    // These count into the above, and are gone before.
    std::unique_ptr<Stream> stream;
    std::unique_ptr<Experts> experts;        // null where the model has none, or llama.cpp keeps them
    std::unique_ptr<Neurons> neurons;        // null unless the model is converted
    std::unique_ptr<SkeletonFile> skeleton;  // while it is loaded; null where llama.cpp loads the model's own file

    std::atomic<bool> has_weights{false};  // llama.cpp has put some where we serve them
    bool all_resident = false;             // llama.cpp keeps all
    std::atomic<uint64_t> kept_bytes{0};   // see flash_stats
    std::atomic<bool> aborted{false};
    std::atomic<bool> token_by_token{false};

    /** Whether our workers compute its graph: not where llama.cpp has put the weights elsewhere than planned. */
    bool computes() const { return has_weights || all_resident; }

    /** Remembers why a computation failed: ggml's status has no room for words. */
    void fail(const Error& error);
    /** The message of the last failure, once. */
    std::optional<std::string> take_error();

  private:
    std::mutex mutex_;
    std::optional<std::string> error_;  // guarded by mutex_
};

}  // namespace flash
