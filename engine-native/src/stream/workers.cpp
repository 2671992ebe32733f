#include "backend/kernels.h"

#include "ggml-cpu.h"

namespace flash {

Result<std::unique_ptr<Kernels>> Kernels::create() {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    ggml_backend_t backend = device == nullptr ? nullptr : ggml_backend_dev_init(device, nullptr);
    if (backend == nullptr) return Error{FLASH_INVALID_ARGUMENT, "ggml has no CPU backend"};
    return std::unique_ptr<Kernels>(new Kernels(backend));
}

Kernels::~Kernels() {
    ggml_backend_free(backend_);
    if (threads_ != nullptr) function<decltype(&ggml_threadpool_free)>("ggml_threadpool_free")(threads_);
}

// The CPU backend is a library of its own, one for each generation of processors: its functions are looked up.
template <typename Function>
Function Kernels::function(const char* name) const {
    ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(ggml_backend_get_device(backend_));
    return reinterpret_cast<Function>(ggml_backend_reg_get_proc_address(registry, name));
}

void Kernels::set_threads(int count) {
    if (count == thread_count_ || count < 1) return;
    ggml_threadpool_params params;
    ggml_threadpool_params_init(&params, count);
    params.poll = 0;
    ggml_threadpool* threads = function<decltype(&ggml_threadpool_new)>("ggml_threadpool_new")(&params);
    if (threads == nullptr) return;  // slower without, not wrong: ggml then makes threads for each graph
    function<ggml_backend_set_n_threads_t>("ggml_backend_set_n_threads")(backend_, count);
    function<decltype(&ggml_backend_cpu_set_threadpool)>("ggml_backend_cpu_set_threadpool")(backend_, threads);
    if (threads_ != nullptr) function<decltype(&ggml_threadpool_free)>("ggml_threadpool_free")(threads_);
    threads_ = threads;
    thread_count_ = count;
}

void Kernels::set_abort_callback(ggml_abort_callback callback, void* data) {
    function<ggml_backend_set_abort_callback_t>("ggml_backend_set_abort_callback")(backend_, callback, data);
}

}  // namespace flash
