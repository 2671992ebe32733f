#include "compute/workers.h"

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#endif

#include <chrono>

#include "ggml-cpu.h"
#include "platform/scheduling.h"

namespace flash {
namespace {

// The CPU backend is a library of its own, one for each generation of processors: its functions are looked up.
template <typename Function>
Function cpu_function(ggml_backend_t backend, const char* name) {
    ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(ggml_backend_get_device(backend));
    return reinterpret_cast<Function>(ggml_backend_reg_get_proc_address(registry, name));
}

/** One job often follows another at once, and waking a thread takes 20 to 50 microseconds. */
constexpr std::chrono::microseconds kStayAwake(100);

/**
 * Keeps the processor until `over`, for kStayAwake at most. One that is yielded to a program that computes is gone for
 * a time slice (measured beside two: 98 ms a token instead of 58).
 */
template <typename Condition>
void stay_awake_until(const Condition& over) {
    const auto until = std::chrono::steady_clock::now() + kStayAwake;
    while (!over() && std::chrono::steady_clock::now() < until) pause_briefly();
}

}  // namespace

Result<Kernel> Kernel::create(unsigned threads) {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    ggml_backend_t backend = device == nullptr ? nullptr : ggml_backend_dev_init(device, nullptr);
    if (backend == nullptr) return Error{FLASH_INVALID_ARGUMENT, "ggml has no CPU backend"};
    cpu_function<ggml_backend_set_n_threads_t>(backend, "ggml_backend_set_n_threads")(backend,
                                                                                      static_cast<int>(threads));
    // Kept: without a pool ggml would make threads for each graph. Not polling: see Workers.
    ggml_threadpool_params params;
    ggml_threadpool_params_init(&params, static_cast<int>(threads));
    params.poll = 0;
    ggml_threadpool* pool = cpu_function<decltype(&ggml_threadpool_new)>(backend, "ggml_threadpool_new")(&params);
    cpu_function<decltype(&ggml_backend_cpu_set_threadpool)>(backend, "ggml_backend_cpu_set_threadpool")(backend, pool);
    return Kernel(backend, pool);
}

ggml_status Kernel::compute(ggml_cgraph* graph, const std::function<bool()>& stop) const {
    const auto set = cpu_function<ggml_backend_set_abort_callback_t>(backend_, "ggml_backend_set_abort_callback");
    const auto call = [](void* data) { return (*static_cast<const std::function<bool()>*>(data))(); };
    set(backend_, call, const_cast<std::function<bool()>*>(&stop));
    const ggml_status status = compute(graph);
    set(backend_, nullptr, nullptr);
    return status;
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
    avoided_ = -1;
}

Result<bool> Workers::resize(unsigned count) {
    if (count == kernels_.size()) return true;
    std::vector<Kernel> kernels;
    for (unsigned i = 0; i < count; i++) {
        Result<Kernel> kernel = Kernel::create(1);
        if (!kernel) return kernel.error();
        kernels.push_back(std::move(*kernel));
    }
    Result<Kernel> team = Kernel::create(count);
    if (!team) return team.error();
    join();
    kernels_ = std::move(kernels);
    team_.clear();
    team_.push_back(std::move(*team));
    for (size_t i = 1; i < kernels_.size(); i++) threads_.emplace_back([this, i] { work(kernels_[i]); });
    return true;
}

void Workers::spread_out() {
#ifdef __linux__
    const int here = threads_.empty() ? -1 : sched_getcpu();
    if (here == avoided_) return;
    avoided_ = here;
    cpu_set_t others;
    if (here < 0 || sched_getaffinity(0, sizeof others, &others) != 0) return;
    CPU_CLR(static_cast<size_t>(here), &others);
    if (CPU_COUNT(&others) == 0) return;
    // Where it is not allowed they are only slower.
    for (std::thread& thread : threads_) pthread_setaffinity_np(thread.native_handle(), sizeof others, &others);
#endif
}

void Workers::run(const std::function<void(const Kernel&)>& job) {
    spread_out();
    {
        const std::lock_guard lock(mutex_);
        job_ = &job;
        generation_++;
    }
    started_.notify_all();
    job(kernels_.front());
    std::unique_lock lock(mutex_);
    job_ = nullptr;
    lock.unlock();
    stay_awake_until([&] { return running_ == 0; });
    lock.lock();
    ended_.wait(lock, [&] { return running_ == 0; });
}

void Workers::work(const Kernel& kernel) {
    std::unique_lock lock(mutex_);
    uint64_t joined = 0;
    while (true) {
        lock.unlock();
        stay_awake_until([&] { return closing_ || generation_ != joined; });
        lock.lock();
        started_.wait(lock, [&] { return closing_ || (job_ != nullptr && generation_ != joined); });
        if (closing_) return;
        joined = generation_;
        running_++;
        const auto& job = *job_;
        lock.unlock();
        job(kernel);
        lock.lock();
        if (--running_ == 0) ended_.notify_one();
    }
}

}  // namespace flash
