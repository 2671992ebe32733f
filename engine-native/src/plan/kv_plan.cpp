// Whether a context keeps keys and values in F16, as llama.cpp does by itself, or in Q8_0, which takes about half of
// the memory and changes what a model says a little.

#include <algorithm>
#include <limits>

#include "plan/plan.h"

namespace flash {
namespace {

/** Weights that are not in memory when they are needed, without embeddings, of which only rows are read. */
uint64_t left_out(const Model& model, const Plan& plan) {
    uint64_t total = 0;
    for (const TensorInfo& tensor : model.tensors) total += tensor.size;
    return total - plan.resident_bytes - plan.pinned_bytes - plan.expert_pool_bytes - plan.row_read_bytes;
}

/** Whether with keys and values in Q8_0 at most half as much is read. Neurons have a window of their own. */
bool halves_reading(const Model& model, const Plan& plan, const Plan& quantized) {
    if (model.store) return false;
    const uint64_t out = left_out(model, plan);
    return out > 0 && left_out(model, quantized) <= out / 2;
}

}  // namespace

/**
 * F16 up to the context that a plan is made for by itself, so that what fits as it comes says what llama.cpp says. A
 * longer one, which somebody asks for, is in Q8_0 where it does not fit otherwise, or where at least half of what is
 * read for each token would stay in memory.
 */
Plan plan_kv_type(const Model& model, const PlanRequest& request) {
    Plan plan = plan_memory(model, request, {});
    if (model.quantized_kv_bytes_per_token == 0) return plan;
    PlanRequest other = request;
    other.context = default_context(model, std::numeric_limits<uint32_t>::max());
    const uint32_t usual = other.context;
    const uint64_t usual_cap = plan_memory(model, other, {}).minimum_cap;
    other.context = plan.context;
    other.kv_type = KvType::Q8_0;
    Plan quantized = plan_memory(model, other, {});
    quantized.minimum_cap = std::max(quantized.minimum_cap, usual_cap);
    quantized.fits = quantized.minimum_cap <= request.ram_cap;
    if (usual_cap <= request.ram_cap) plan.maximum_context = std::max(plan.maximum_context, quantized.maximum_context);
    quantized.maximum_context = plan.maximum_context;
    if (plan.context <= usual) return plan;
    if (!quantized.fits) {
        plan.minimum_cap = std::min(plan.minimum_cap, quantized.minimum_cap);
        return plan;
    }
    if (!plan.fits || halves_reading(model, plan, quantized)) return quantized;
    plan.minimum_cap = std::min(plan.minimum_cap, quantized.minimum_cap);
    return plan;
}

}  // namespace flash
