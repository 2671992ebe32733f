// Which threads compute what llama.cpp keeps: its own on a quiet machine, ours beside other programs.

#include <algorithm>
#include <memory>
#include <vector>

#include "backend/graph.h"
#include "compute/processor_load.h"
#include "ggml-backend.h"
#include "ggml.h"
#include "llama_runner.h"
#include "tests.h"

namespace flint {
namespace {

using ::flash::FlashBackend;
using ::flash::ProcessorLoad;
using ::flash::ProcessorTimes;
using std::chrono::milliseconds;

/** A machine whose clock and counters the test sets. */
struct Machine {
    ProcessorTimes times{0, 0, 2};
    ProcessorLoad::Clock::time_point now{};

    /** In so many milliseconds others and this process use so many processors. */
    void pass(int ms, double others, double own) {
        now += milliseconds(ms);
        times.busy += (others + own) * ms / 1000;
        times.own += own * ms / 1000;
    }
};

void spares_processors_that_others_use() {
    Machine machine;
    ProcessorLoad load([&] { return machine.times; }, machine.now);
    // Not known yet.
    CHECK(!load.leaves(2, machine.now));
    machine.pass(1000, 0.1, 2);
    CHECK(load.leaves(2, machine.now));
    // A window that is no measure yet changes nothing.
    machine.pass(50, 2, 0);
    CHECK(load.leaves(2, machine.now));
    machine.pass(200, 0.5, 1.5);
    CHECK(!load.leaves(2, machine.now));
    // To begin again takes less of others than to go on.
    machine.pass(200, 0.2, 1.8);
    CHECK(!load.leaves(2, machine.now));
    machine.pass(200, 0.1, 1.9);
    CHECK(load.leaves(2, machine.now));
    machine.pass(200, 0.2, 1.8);
    CHECK(load.leaves(2, machine.now));
}

void counts_the_processors_that_are_left() {
    Machine machine;
    machine.times.processors = 8;
    ProcessorLoad load([&] { return machine.times; }, machine.now);
    machine.pass(200, 4, 0);
    CHECK(load.leaves(4, machine.now));
    machine.pass(200, 5, 0);
    CHECK(!load.leaves(4, machine.now));
    machine.pass(200, 0, 0);
    CHECK(!load.leaves(9, machine.now));
}

void is_not_known_where_the_system_does_not_tell() {
    Machine machine;
    ProcessorLoad load([] { return std::optional<ProcessorTimes>(); }, machine.now);
    machine.pass(500, 0, 0);
    CHECK(!load.leaves(1, machine.now));
}

void tells_of_this_machine() {
    const auto before = ::flash::processor_times();
    CHECK(before);
    CHECK(before->processors > 0);
    CHECK(before->busy >= 0);
    volatile double sum = 0;
    while (::flash::processor_times()->own < before->own + 0.05) sum = sum + 1;
    CHECK(::flash::processor_times()->busy >= before->busy);
}

/** Two products with what is between them, for so many tokens; the same numbers each time. @returns the result */
std::vector<float> computed(int64_t tokens, bool quiet, bool aborted = false) {
    constexpr int64_t kColumns = 256;
    constexpr int64_t kRows = 512;
    ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    CHECK(cpu != nullptr);
    ggml_backend_buffer_type_t memory = ggml_backend_dev_buffer_type(cpu);
    const auto context_of = [] {
        return std::unique_ptr<ggml_context, void (*)(ggml_context*)>(ggml_init({1U << 20U, nullptr, true}), ggml_free);
    };
    const auto weights = context_of();
    ggml_tensor* up = ggml_new_tensor_2d(weights.get(), GGML_TYPE_F32, kColumns, kRows);
    ggml_tensor* down = ggml_new_tensor_2d(weights.get(), GGML_TYPE_F32, kRows, kColumns);
    const auto rest = context_of();
    ggml_tensor* input = ggml_new_tensor_2d(rest.get(), GGML_TYPE_F32, kColumns, tokens);
    ggml_tensor* middle = ggml_mul_mat(rest.get(), up, ggml_rms_norm(rest.get(), input, 1e-5F));
    ggml_tensor* output = ggml_add(rest.get(), ggml_mul_mat(rest.get(), down, ggml_silu(rest.get(), middle)), input);
    ggml_cgraph* graph = ggml_new_graph(rest.get());
    ggml_build_forward_expand(graph, output);
    using Buffer = std::unique_ptr<ggml_backend_buffer, void (*)(ggml_backend_buffer_t)>;
    const Buffer kept(ggml_backend_alloc_ctx_tensors_from_buft(weights.get(), memory), ggml_backend_buffer_free);
    const Buffer others(ggml_backend_alloc_ctx_tensors_from_buft(rest.get(), memory), ggml_backend_buffer_free);
    CHECK(kept && others);
    ggml_backend_buffer_set_usage(kept.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    for (ggml_tensor* tensor : {up, down, input}) {
        std::vector<float> values(static_cast<size_t>(ggml_nelements(tensor)));
        for (size_t i = 0; i < values.size(); i++) values[i] = static_cast<float>((i * 7919 + 13) % 1009) / 1009 - 0.5F;
        ggml_backend_tensor_set(tensor, values.data(), 0, values.size() * sizeof(float));
    }
    FlashBackend backend;
    CHECK(backend.workers.resize(2));
    // Others use nothing, or all.
    const auto begin = ProcessorLoad::Clock::now() - std::chrono::hours(1);
    const double seconds = quiet ? 0 : 2.0 * 3600;
    backend.load = ProcessorLoad(
        [first = true, seconds]() mutable {
            const double busy = first ? 0 : seconds;
            first = false;
            return ProcessorTimes{busy, 0, 2};
        },
        begin);
    if (aborted) {
        backend.abort_callback = [](void*) { return true; };
        CHECK_EQUAL(::flash::compute(backend, graph), GGML_STATUS_ABORTED);
        return {};
    }
    CHECK_EQUAL(::flash::compute(backend, graph), GGML_STATUS_SUCCESS);
    std::vector<float> result(static_cast<size_t>(ggml_nelements(output)));
    ggml_backend_tensor_get(output, result.data(), 0, result.size() * sizeof(float));
    return result;
}

void gives_the_same_bits() {
    flash();  // loads ggml's CPU backend
    for (const int64_t tokens : {1, 7, 100}) {
        const std::vector<float> ours = computed(tokens, false);
        CHECK(std::any_of(ours.begin(), ours.end(), [&](float value) { return value != ours.front(); }));
        CHECK(computed(tokens, true) == ours);
    }
    for (const bool quiet : {false, true}) computed(1, quiet, true);
}

}  // namespace

TestCases load_tests() {
    return {
        {"load: threads that spin leave processors that others use", spares_processors_that_others_use},
        {"load: what others use counts where they leave too few", counts_the_processors_that_are_left},
        {"load: is not known where the system does not tell", is_not_known_where_the_system_does_not_tell},
        {"load: this machine tells it", tells_of_this_machine},
        {"load: llama.cpp's threads and ours give the same bits", gives_the_same_bits},
    };
}

}  // namespace flint
