#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "ggml-backend.h"
#include "result.h"

struct ggml_threadpool;

namespace flash {

/** ggml's own CPU backend. With a single thread its operations never wait for another one. */
class Kernel {
  public:
    /** Fails where ggml has no CPU backend. */
    static Result<Kernel> create(unsigned threads);
    Kernel(Kernel&& other) noexcept;
    Kernel& operator=(Kernel&& other) noexcept;
    ~Kernel();

    ggml_status compute(ggml_cgraph* graph) const { return ggml_backend_graph_compute(backend_, graph); }
    /** Ends with GGML_STATUS_ABORTED after the operation in which `stop` becomes true. */
    ggml_status compute(ggml_cgraph* graph, const std::function<bool()>& stop) const;

  private:
    Kernel(ggml_backend_t backend, ggml_threadpool* pool) : backend_(backend), pool_(pool) {}

    ggml_backend_t backend_;
    ggml_threadpool* pool_;
};

/**
 * Threads that each compute on their own and meet only at the end of a job. ggml's threads meet at a spinning barrier
 * after every operation: beside llama.cpp's pool, our readers and an editor on the same few cores, one that is not
 * scheduled costs the others a time slice (measured: 500 ms a token instead of 150).
 */
class Workers {
  public:
    Workers() = default;
    ~Workers();

    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /** Fails where ggml has no CPU backend; then the count stays what it was. */
    Result<bool> resize(unsigned count);
    unsigned count() const { return static_cast<unsigned>(kernels_.size()); }

    /**
     * Runs `job` on the calling thread and on every other worker that comes in time, and returns when all of them are
     * done. A job must get done by whoever runs it: on a busy machine a worker may wake too late.
     */
    void run(const std::function<void(const Kernel&)>& job);

    /** Called within a job, between its parts: a thread that has slept may have woken on another's processor. */
    void keep_apart(const Kernel& kernel) {
        if (&kernel == &kernels_.front()) spread_out();
    }

    /** The calling thread's own, for small operations. */
    const Kernel& kernel() const { return kernels_.front(); }
    /** ggml's own team of as many threads, for large operations that only ggml can divide. */
    const Kernel& team() const { return team_.front(); }
    const Kernel& kernel_for(bool large) const { return large ? team() : kernel(); }

  private:
    void work(const Kernel& kernel);
    void join();
    /**
     * Keeps the other workers off the processor that the caller runs on. A worker that wakes may be put there, and then
     * only one of the two runs while another processor has nothing to do (measured: 9.2 ms for what takes 5). Called
     * between the parts of a job too: a mean of 5.8 ms instead of 6.4 for the output matrix of a MoE model.
     */
    void spread_out();

    std::vector<Kernel> kernels_;  // by worker
    std::vector<Kernel> team_;     // one
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable started_;
    std::condition_variable ended_;
    const std::function<void(const Kernel&)>* job_ = nullptr;  // while it may be joined
    std::atomic<uint64_t> generation_{0};                      // of the job; written with mutex_ held
    std::atomic<unsigned> running_{0};                         // workers that joined it; written with mutex_ held
    std::atomic<bool> closing_{false};
    int avoided_ = -1;  // the processor that the other workers keep off
};

}  // namespace flash
