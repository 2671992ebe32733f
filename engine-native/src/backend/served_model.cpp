#include "backend/served_model.h"

#include <algorithm>

namespace flash {

Result<std::shared_ptr<ServedModel>> ServedModel::open(const Model& model, const Plan& plan,
                                                       const ServingOptions& options) {
    auto served = std::make_shared<ServedModel>();
    const auto [rest, rest_plan] = beside_gpu(model, plan);
    served->all_resident = std::all_of(rest_plan.placement.begin(), rest_plan.placement.end(),
                                       [](const Placement& placement) { return placement == Placement::Resident; });
    auto stream = Stream::open(rest, rest_plan, served->read_stats);
    if (!stream) return stream.error();
    served->stream = std::move(*stream);
    auto experts = Experts::open(rest, rest_plan, served->read_stats, options.trace_path);
    if (!experts) return experts.error();
    served->experts = std::move(*experts);
    if (model.store) {
        auto neurons =
            Neurons::open(*model.store, options.sparsity, plan.window_bytes, options.techniques, served->neuron_stats);
        if (!neurons) return neurons.error();
        served->neurons = std::move(*neurons);
    }
    // What llama.cpp puts on a GPU must be in it.
    auto skeleton = SkeletonFile::create(model, plan);
    if (!skeleton) return skeleton.error();
    served->skeleton = std::move(*skeleton);
    return served;
}

void ServedModel::fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    error_ = error.message;
}

std::optional<std::string> ServedModel::take_error() {
    const std::lock_guard lock(mutex_);
    return std::exchange(error_, std::nullopt);
}

}  // namespace flash
