// The plan's second budget, a GPU's memory: pure functions, so no GPU is needed.

#include <algorithm>
#include <string>

#include "plan/plan.h"
#include "planned_models.h"
#include "tests.h"

namespace flint {
namespace {

using flash::Gpu;
using flash::Model;
using flash::Placement;
using flash::Plan;
using flash::PlanRequest;
using flash::TensorInfo;

constexpr uint64_t kUnlimited = uint64_t{1} << 50;
constexpr uint32_t kContext = 512;
constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kNoLayer = UINT64_MAX;

Plan plan_with(const Model& model, uint64_t cap, uint64_t vram, bool unified = false) {
    PlanRequest request{cap, kContext, kTwoThreads};
    request.gpu = {true, vram, unified, {}};
    return flash::make_plan(model, request);
}

uint64_t bytes_on_gpu(const Model& model, const Plan& plan) { return sum_of(model, plan, Placement::OnGpu); }

uint64_t in_memory(const Plan& plan) {
    return plan.process_bytes + plan.resident_bytes + plan.pinned_bytes + plan.expert_pool_bytes + plan.kv_bytes +
           plan.compute_bytes + plan.staging_bytes;
}

uint64_t layer_of(const TensorInfo& tensor) {
    return tensor.name.rfind("blk.", 0) == 0 ? std::stoul(tensor.name.substr(4)) : kNoLayer;
}

/** What must hold of any plan with a GPU. */
void check_consistent(const Model& model, const Plan& plan, uint64_t cap, uint64_t vram) {
    const uint64_t layers = model.layer_kv_bytes.size();
    CHECK_EQUAL(plan.placement.size(), model.tensors.size());
    CHECK_EQUAL(plan.gpu.weight_bytes, bytes_on_gpu(model, plan));
    CHECK(plan.gpu.layers <= layers + 1);
    CHECK(plan.gpu.bytes() <= vram);
    CHECK_EQUAL(plan.gpu.kv_bytes / kContext + plan.kv_bytes / kContext, model.kv_bytes_per_token);
    CHECK_EQUAL(plan.fits, plan.minimum_cap <= cap);
    if (plan.fits) CHECK(in_memory(plan) <= cap);
    for (size_t i = 0; i < model.tensors.size(); i++) {
        const TensorInfo& tensor = model.tensors[i];
        const bool on_gpu = plan.placement[i] == Placement::OnGpu;
        // llama.cpp reads rows of embeddings in memory, wherever the layers are.
        if (tensor.use == flash::Use::Rows) CHECK(!on_gpu);
        const uint64_t layer = layer_of(tensor);
        if (layer == kNoLayer || tensor.ne[2] > 1) continue;
        CHECK_EQUAL(on_gpu, layer + plan.gpu.layers > layers);
        // Beside a GPU nothing that a token is multiplied with is llama.cpp's: its threads would wait for ours.
        if (plan.gpu.layers > 0 && !on_gpu && tensor.ne[1] > 1) CHECK(plan.placement[i] != Placement::Resident);
    }
}

void without_a_gpu() {
    const Model model = dense_model();
    for (uint64_t cap = 256 * kMiB; cap < 2048 * kMiB; cap += 61 * kMiB) {
        const Plan plan = flash::make_plan(model, {cap, kContext, kTwoThreads});
        CHECK_EQUAL(plan.gpu.bytes(), 0U);
        CHECK_EQUAL(plan.gpu.layers, 0U);
        CHECK_EQUAL(plan.process_bytes, flash::process_bytes(model));
        // A GPU without room changes nothing but what its libraries take.
        const uint64_t libraries = plan_with(model, kUnlimited, 0).process_bytes - plan.process_bytes;
        const Plan none = plan_with(model, cap + libraries, 0);
        CHECK(none.placement.size() == plan.placement.size());
        CHECK_EQUAL(none.gpu.layers, 0U);
        CHECK_EQUAL(none.minimum_cap, plan.minimum_cap + libraries);
    }
}

void every_cap_and_gpu() {
    for (const Model& model : {dense_model(), moe_model()}) {
        for (uint64_t cap = 300 * kMiB; cap < 3000 * kMiB; cap += 389 * kMiB) {
            uint32_t layers = 0;
            for (uint64_t vram = 0; vram < 4000 * kMiB; vram += 97 * kMiB) {
                const Plan plan = plan_with(model, cap, vram);
                check_consistent(model, plan, cap, vram);
                // More of it is never worse.
                CHECK(plan.gpu.layers >= layers);
                layers = plan.gpu.layers;
            }
            CHECK_EQUAL(layers, static_cast<uint32_t>(model.layer_kv_bytes.size() + 1));
        }
    }
}

void streams_less() {
    const Model model = dense_model();
    const uint64_t cap = plan_with(model, kUnlimited, 0).minimum_cap + 300 * kMiB;
    const Plan none = plan_with(model, cap, 0);
    CHECK(none.fits && none.streamed_bytes > 0);
    Plan before = none;
    for (uint64_t vram = 128 * kMiB; vram < 1200 * kMiB; vram += 64 * kMiB) {
        const Plan plan = plan_with(model, cap, vram);
        CHECK(plan.fits);
        // Tensors leave memory whole; loading through more memory takes that of some.
        if (before.gpu.layers > 0) CHECK(plan.streamed_bytes <= before.streamed_bytes + 60'000'000);
        before = plan;
    }
    CHECK_EQUAL(before.streamed_bytes, 0U);
    CHECK_EQUAL(before.pinned_bytes, 0U);
    CHECK_EQUAL(before.kv_bytes, 0U);
    // Only the embedding, of which rows are read, and the process are left.
    CHECK_EQUAL(before.resident_bytes + before.row_read_bytes, model.tensors.front().size);
    CHECK(before.minimum_cap < none.minimum_cap + 200 * kMiB);
}

void output_first_then_the_last_layers() {
    const Model model = dense_model();
    const auto layers_with = [&](uint64_t vram) { return plan_with(model, kUnlimited, vram).gpu.layers; };
    uint64_t vram = 0;
    while (layers_with(vram) == 0) vram += kMiB;
    const Plan first = plan_with(model, kUnlimited, vram);
    CHECK_EQUAL(first.gpu.layers, 1U);
    CHECK_EQUAL(first.gpu.kv_bytes, 0U);
    for (size_t i = 0; i < model.tensors.size(); i++)
        CHECK_EQUAL(first.placement[i] == Placement::OnGpu, model.tensors[i].name.rfind("output", 0) == 0);
    while (layers_with(vram) == 1) vram += kMiB;
    CHECK_EQUAL(layers_with(vram), 2U);
    CHECK_EQUAL(plan_with(model, kUnlimited, vram).gpu.kv_bytes, model.layer_kv_bytes.back() * kContext);
}

void experts_go_last() {
    const Model model = moe_model();
    const uint64_t layers = model.layer_kv_bytes.size();
    const uint64_t cap = plan_with(model, kUnlimited, 0).minimum_cap + 300 * kMiB;
    bool pooled = false;
    bool shared = false;
    for (uint64_t vram = 0; vram < 4000 * kMiB; vram += 50 * kMiB) {
        const Plan plan = plan_with(model, cap, vram);
        CHECK(plan.fits);
        if (plan.gpu.expert_layers > 0) CHECK_EQUAL(plan.gpu.layers, static_cast<uint32_t>(layers + 1));
        for (size_t i = 0; i < model.tensors.size(); i++) {
            if (model.tensors[i].ne[2] == 1) continue;
            const bool on_gpu = layer_of(model.tensors[i]) + plan.gpu.expert_layers >= layers;
            CHECK(plan.placement[i] == (on_gpu ? Placement::OnGpu : Placement::Experts));
        }
        const bool all_dense = plan.gpu.layers == layers + 1;
        pooled = pooled || (all_dense && plan.gpu.expert_layers == 0 && plan.expert_pool_bytes > 0);
        shared = shared || (plan.gpu.expert_layers > 0 && plan.expert_pool_bytes > 0);
        if (plan.gpu.expert_layers == layers) {
            CHECK(pooled && shared);
            CHECK_EQUAL(plan.expert_pool_bytes, 0U);
            return;
        }
    }
    throw std::runtime_error("the experts never were all on the GPU");
}

void unified_memory_counts_twice() {
    const Model model = dense_model();
    uint32_t most = 0;
    for (uint64_t cap = 300 * kMiB; cap < 3000 * kMiB; cap += 89 * kMiB) {
        const Plan plan = plan_with(model, cap, kUnlimited, true);
        if (!plan.fits) continue;
        CHECK(in_memory(plan) + plan.gpu.bytes() <= cap);
        CHECK(plan.gpu.layers >= most);
        most = plan.gpu.layers;
    }
    CHECK_EQUAL(most, static_cast<uint32_t>(model.layer_kv_bytes.size() + 1));
    const uint64_t minimum = plan_with(model, kUnlimited, kUnlimited, true).minimum_cap;
    CHECK(plan_with(model, minimum, kUnlimited, true).fits);
    CHECK(!plan_with(model, minimum - 1, kUnlimited, true).fits);
}

void types_it_lacks_stay() {
    const Model model = dense_model();
    PlanRequest request{kUnlimited, kContext, kTwoThreads};
    request.gpu = {true, kUnlimited, false, {GGML_TYPE_Q6_K}};
    const Plan plan = flash::make_plan(model, request);
    CHECK_EQUAL(plan.gpu.layers, static_cast<uint32_t>(model.layer_kv_bytes.size() + 1));
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (model.tensors[i].type == GGML_TYPE_Q6_K) CHECK(plan.placement[i] == Placement::Pinned);
    }
}

void contexts_share_both() {
    Model model = dense_model();
    model.trained_context = 1 << 17;
    const uint64_t cap = plan_with(model, kUnlimited, 0).minimum_cap + 200 * kMiB;
    PlanRequest request{cap, 0, kTwoThreads};
    request.gpu = {true, 700 * kMiB, false, {}};
    const Plan plan = flash::make_plan(model, request);
    CHECK(plan.fits && plan.context > 0 && plan.context <= plan.maximum_context);
    request.context = plan.maximum_context;
    CHECK(flash::make_plan(model, request).fits);
    request.context = plan.maximum_context + 1;
    CHECK(!flash::make_plan(model, request).fits);
}

void rest_is_what_is_left() {
    const Model model = moe_model();
    const Plan plan = plan_with(model, kUnlimited, 300 * kMiB);
    CHECK(plan.gpu.layers > 0);
    const auto [rest, rest_plan] = flash::beside_gpu(model, plan);
    CHECK_EQUAL(rest.tensors.size(), rest_plan.placement.size());
    CHECK_EQUAL(total_bytes(rest) + plan.gpu.weight_bytes, total_bytes(model));
    CHECK(std::find(rest_plan.placement.begin(), rest_plan.placement.end(), Placement::OnGpu) ==
          rest_plan.placement.end());
}

}  // namespace

TestCases gpu_plan_tests() {
    return {
        {"plan with a GPU: none, or one without room, changes nothing", without_a_gpu},
        {"plan with a GPU: holds for every cap and size of its memory", every_cap_and_gpu},
        {"plan with a GPU: less is streamed, and nothing in the end", streams_less},
        {"plan with a GPU: the output first, then the last layers", output_first_then_the_last_layers},
        {"plan with a GPU: experts go there last", experts_go_last},
        {"plan with a GPU: unified memory counts against the cap", unified_memory_counts_twice},
        {"plan with a GPU: types that it lacks stay", types_it_lacks_stay},
        {"plan with a GPU: the largest context is the largest", contexts_share_both},
        {"plan with a GPU: what is left is planned as before", rest_is_what_is_left},
    };
}

}  // namespace flint
