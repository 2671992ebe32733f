#pragma once

#include <memory>

#include "ggml-backend.h"
#include "result.h"

struct ggml_threadpool;

namespace flash {

/**
 * ggml's own CPU backend, for ourselves, with a thread pool that sleeps between graphs: llama.cpp's pool spins, and
 * two spinning pools on the same cores cost several times the arithmetic.
 */
class Kernels {
  public:
    /** Fails where ggml has no CPU backend. */
    static Result<std::unique_ptr<Kernels>> create();
    ~Kernels();

    Kernels(const Kernels&) = delete;
    Kernels& operator=(const Kernels&) = delete;

    void set_threads(int count);
    /** Asked between operations; true ends the computation with GGML_STATUS_ABORTED. */
    void set_abort_callback(ggml_abort_callback callback, void* data);
    ggml_backend_t backend() const { return backend_; }

  private:
    explicit Kernels(ggml_backend_t backend) : backend_(backend) {}

    template <typename Function>
    Function function(const char* name) const;

    ggml_backend_t backend_;
    ggml_threadpool* threads_ = nullptr;
    int thread_count_ = 0;
};

}  // namespace flash
