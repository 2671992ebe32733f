// A plan with two budgets: the GPU's memory first, and the cap for what is left.

#include <algorithm>

#include "plan/plan.h"

namespace flash {
namespace {

Plan plan_rest(const Model& model, PlanRequest request, const GpuShare& share) {
    if (request.gpu.unified) request.ram_cap -= std::min(request.ram_cap, share.bytes());
    return plan_memory(without_share(model, request.gpu, share), request, share);
}

/** For a context of so many tokens. Its placements are those of what is left. */
Plan plan_shared(const Model& model, PlanRequest request, uint32_t context) {
    request.context = context;
    // Neurons are ours wherever they are, and with them all of the graph.
    const uint64_t room = model.store ? 0 : request.gpu.bytes;
    GpuShare share = largest_share(model, request.gpu, room, context, micro_batches());
    Plan plan = plan_rest(model, request, share);
    if (share.layers == 0) return plan;
    const Plan alone = plan_rest(model, request, {});
    while (request.gpu.unified && !plan.fits && share.layers > 0) {
        share = largest_share(model, request.gpu, share.bytes() - 1, context, micro_batches());
        plan = plan_rest(model, request, share);
    }
    // To load a GPU's weights takes memory of its own.
    if (alone.fits && !plan.fits) return alone;
    plan.minimum_cap = request.gpu.unified ? alone.minimum_cap : std::min(plan.minimum_cap, alone.minimum_cap);
    return plan;
}

uint32_t largest_context(const Model& model, const PlanRequest& request) {
    uint32_t low = 0;
    auto high = static_cast<uint32_t>(std::max<uint64_t>(model.trained_context, 1));
    while (low < high) {
        const uint32_t middle = low + (high - low + 1) / 2;
        if (plan_shared(model, request, middle).fits)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

}  // namespace

Plan make_plan(const Model& model, const PlanRequest& request) {
    if (!request.gpu.present) return plan_kv_type(model, request);
    const uint32_t largest = largest_context(model, request);
    const uint32_t context = request.context == 0 ? default_context(model, largest) : request.context;
    Plan plan = plan_shared(model, request, context);
    plan.maximum_context = largest;
    std::vector<Placement> rest = std::move(plan.placement);
    plan.placement.clear();
    auto next = rest.begin();
    for (const bool on_gpu : tensors_on_gpu(model, request.gpu, plan.gpu))
        plan.placement.push_back(on_gpu ? Placement::OnGpu : *next++);
    return plan;
}

std::pair<Model, Plan> beside_gpu(const Model& model, const Plan& plan) {
    std::pair<Model, Plan> rest{model, plan};
    auto& [left, left_plan] = rest;
    left.tensors.clear();
    left_plan.placement.clear();
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (plan.placement[i] == Placement::OnGpu) continue;
        left.tensors.push_back(model.tensors[i]);
        left_plan.placement.push_back(plan.placement[i]);
    }
    return rest;
}

}  // namespace flash
