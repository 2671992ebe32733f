#include "stream/workers.h"

#include "ggml-cpu.h"

namespace flash {
namespace {

// The CPU backend is a library of its own, one for each generation of processors: its functions are looked up.
template <typename Function>
Function cpu_function(ggml_backend_t backend, const char* name) {
    ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(ggml_backend_get_device(backend));
    return reinterpret_cast<Function>(ggml_backend_reg_get_proc_address(registry, name));
}

}  // namespace

Result<Kernel> Kernel::create() {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    ggml_backend_t backend = device == nullptr ? nullptr : ggml_backend_dev_init(device, nullptr);
    if (backend == nullptr) return Error{FLASH_INVALID_ARGUMENT, "ggml has no CPU backend"};
    cpu_function<ggml_backend_set_n_threads_t>(backend, "ggml_backend_set_n_threads")(backend, 1);
    // A pool of one has no threads; without it ggml would allocate one for each graph.
    ggml_threadpool_params params;
    ggml_threadpool_params_init(&params, 1);
    ggml_threadpool* pool = cpu_function<decltype(&ggml_threadpool_new)>(backend, "ggml_threadpool_new")(&params);
    cpu_function<decltype(&ggml_backend_cpu_set_threadpool)>(backend, "ggml_backend_cpu_set_threadpool")(backend, pool);
    return Kernel(backend, pool);
}

Kernel::Kernel(Kernel&& other) noexcept
    : backend_(std::exchange(other.backend_, nullptr)), pool_(std::exchange(other.pool_, nullptr)) {}

Kernel& Kernel::operator=(Kernel&& other) noexcept {
    std::swap(backend_, other.backend_);
    std::swap(pool_, other.pool_);
    return *this;
}

Kernel::~Kernel() {
    if (backend_ == nullptr) return;
    if (pool_ != nullptr) cpu_function<decltype(&ggml_threadpool_free)>(backend_, "ggml_threadpool_free")(pool_);
    ggml_backend_free(backend_);
}

Workers::~Workers() { join(); }

void Workers::join() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    started_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    closing_ = false;
}

Result<bool> Workers::resize(unsigned count) {
    if (count == kernels_.size()) return true;
    std::vector<Kernel> kernels;
    for (unsigned i = 0; i < count; i++) {
        Result<Kernel> kernel = Kernel::create();
        if (!kernel) return kernel.error();
        kernels.push_back(std::move(*kernel));
    }
    join();
    kernels_ = std::move(kernels);
    for (size_t i = 1; i < kernels_.size(); i++)
        threads_.emplace_back([this, i, seen = generation_] { work(kernels_[i], seen); });
    return true;
}

void Workers::run(const std::function<void(const Kernel&)>& job) {
    {
        const std::lock_guard lock(mutex_);
        job_ = &job;
        generation_++;
        running_ = static_cast<unsigned>(threads_.size());
    }
    started_.notify_all();
    job(kernels_.front());
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return running_ == 0; });
    job_ = nullptr;
}

void Workers::work(const Kernel& kernel, uint64_t seen) {
    std::unique_lock lock(mutex_);
    while (true) {
        started_.wait(lock, [&] { return closing_ || generation_ != seen; });
        if (closing_) return;
        seen = generation_;
        const auto& job = *job_;
        lock.unlock();
        job(kernel);
        lock.lock();
        if (--running_ == 0) ended_.notify_one();
    }
}

}  // namespace flash
