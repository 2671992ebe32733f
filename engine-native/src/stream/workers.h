#pragma once

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

/** ggml's own CPU backend with a single thread: kernels that never wait for another thread. */
class Kernel {
  public:
    /** Fails where ggml has no CPU backend. */
    static Result<Kernel> create();
    Kernel(Kernel&& other) noexcept;
    Kernel& operator=(Kernel&& other) noexcept;
    ~Kernel();

    ggml_status compute(ggml_cgraph* graph) const { return ggml_backend_graph_compute(backend_, graph); }

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

    /** Runs `job` on every worker, the calling thread being the first, and returns when all are done. */
    void run(const std::function<void(const Kernel&)>& job);

    /** The calling thread's own. */
    const Kernel& kernel() const { return kernels_.front(); }

  private:
    /** @param seen the last job that is not this thread's business */
    void work(const Kernel& kernel, uint64_t seen);
    void join();

    std::vector<Kernel> kernels_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable started_;
    std::condition_variable ended_;
    const std::function<void(const Kernel&)>* job_ = nullptr;
    uint64_t generation_ = 0;  // of the job
    unsigned running_ = 0;
    bool closing_ = false;
};

}  // namespace flash
