#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "backend/outline.h"
#include "experts/experts.h"
#include "flash.h"
#include "neurons/neurons.h"
#include "plan/plan.h"
#include "stream/stream.h"

namespace flash {

/** What serves one model. */
struct Served {
    std::unique_ptr<Stream> stream;
    std::unique_ptr<Experts> experts;      // null where the model has none, or none of them are ours
    std::unique_ptr<Neurons> neurons;      // null unless the model is converted
    std::unique_ptr<Outline> outline;      // while it is loaded; null where llama.cpp loads the model itself
    std::atomic<bool> has_weights{false};  // llama.cpp has put some where we serve them
};

/** What outlives a model: the plan for the next load, the counters, the abort flag. One for each process. */
class Engine {
  public:
    static Engine& instance();

    /** Fails with FLASH_NOT_A_MODEL, FLASH_INVALID_ARGUMENT. */
    static Result<flash_plan> plan(const flash_plan_request& request);
    /** Fails as plan, and with FLASH_READ_FAILED. */
    static Result<flash_measured> measure(const flash_plan_request& request);
    /** As plan; opens the files and serves the next model by it. Also fails with FLASH_READ_FAILED. */
    Result<flash_plan> configure(const flash_plan_request& request);
    void deconfigure();
    /** What llama.cpp is to load instead of the model that was configured; none where it is to load the model itself.
     */
    std::optional<std::string> outline_path() const;
    /** What serves the model that is being loaded; null when nothing of it is ours. */
    std::shared_ptr<Served> configured() const;

    flash_stats stats() const;

    void set_abort(bool abort) { abort_ = abort; }
    bool aborted() const { return abort_; }
    void set_token_by_token(bool on) { token_by_token_ = on; }
    bool token_by_token() const { return token_by_token_; }

    /** As Experts::keep, for the model that was configured last, while it is loaded. */
    void keep_experts() const;

    /** Remembers why a computation failed: ggml's status has no room for words. */
    void fail(const Error& error);
    /** The message of the last failure, once. */
    std::optional<std::string> take_error();

  private:
    Engine() = default;

    /** What was configured last, while it is loaded; else null. */
    std::shared_ptr<Served> last() const;
    uint64_t warming_bytes() const;

    mutable std::mutex mutex_;  // guards what follows but the counters
    std::shared_ptr<Served> configured_;
    std::weak_ptr<Served> last_;
    std::optional<std::string> error_;
    std::atomic<bool> abort_{false};
    std::atomic<bool> token_by_token_{false};
    StreamStats stats_;
    NeuronStats neuron_stats_;
};

/** The C interface, for ggml_backend_reg_get_proc_address. */
const flash_api* api();

}  // namespace flash
