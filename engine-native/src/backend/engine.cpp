#include "backend/engine.h"

#include <cstdio>

#include "plan/model.h"
#include "stream/speed.h"

namespace flash {
namespace {

flash_plan describe(const Model& model, const Plan& plan) {
    return flash_plan{
        /* .fits               = */ plan.fits,
        /* .minimum_cap_bytes  = */ plan.minimum_cap,
        /* .whole_cap_bytes    = */ plan.whole_cap,
        /* .maximum_context    = */ plan.maximum_context,
        /* .context_tokens     = */ plan.context,
        /* .micro_batch_tokens = */ plan.micro_batch,
        /* .resident_bytes     = */ plan.resident_bytes,
        /* .pinned_bytes       = */ plan.pinned_bytes,
        /* .streamed_bytes     = */ plan.streamed_bytes,
        /* .row_read_bytes     = */ plan.row_read_bytes,
        /* .expert_cache_bytes = */ plan.expert_pool_bytes,
        /* .window_bytes       = */ plan.window_bytes,
        /* .kv_bytes           = */ plan.kv_bytes,
        /* .compute_bytes      = */ plan.compute_bytes,
        /* .staging_bytes      = */ plan.staging_bytes,
        /* .process_bytes      = */ process_bytes(model),
        /* .vocabulary_bytes   = */ vocabulary_bytes(model),
    };
}

struct PlannedModel {
    Model model;
    Plan plan;
};

Result<Sparsity> sparsity_of(const flash_plan_request& request, const Model& model) {
    switch (request.sparsity) {
        case FLASH_EXACT:
            return Sparsity::Exact;
        case FLASH_DENSE:
            return Sparsity::Dense;
        case FLASH_PREDICT:
            if (!model.store) {
                return Error{FLASH_INVALID_ARGUMENT,
                             "only a converted model can predict its neurons: convert it with flint convert"};
            }
            for (const NeuronLayer& layer : model.store->layers) {
                if (layer.record.rank == 0)
                    return Error{FLASH_INVALID_ARGUMENT, "this model was converted without a predictor"};
            }
            return Sparsity::Predict;
    }
    return Error{FLASH_INVALID_ARGUMENT, "the sparsity is not one of this version"};
}

Result<PlannedModel> plan_model(const flash_plan_request& request) {
    if (request.model_path == nullptr || request.ram_cap_bytes == 0 || request.threads == 0) {
        return Error{FLASH_INVALID_ARGUMENT, "a plan needs a model, a RAM cap above zero and a thread"};
    }
    Result<Model> model = read_model(request.model_path);
    if (!model) return model.error();
    const auto sparsity = sparsity_of(request, *model);
    if (!sparsity) return sparsity.error();
    Plan plan = make_plan(*model, {request.ram_cap_bytes, request.context_tokens, request.threads, *sparsity});
    return PlannedModel{std::move(*model), std::move(plan)};
}

/** Runs `body` for a C caller: a failure, or memory that ran out inside, becomes a status and a message. */
template <typename Value, typename Body>
flash_status answer(Value* value, char* error, size_t error_size, Body body) {
    try {
        const Result<Value> result = body();
        if (result) {
            *value = *result;
            return FLASH_OK;
        }
        std::snprintf(error, error_size, "%s", result.error().message.c_str());
        return result.error().status;
    } catch (const std::exception& exception) {
        std::snprintf(error, error_size, "%s", exception.what());
        return FLASH_READ_FAILED;
    }
}

const flash_api kApi = {
    /* .version = */ FLASH_API_VERSION,
    /* .plan = */
    [](const flash_plan_request* request, flash_plan* plan, char* error, size_t error_size) {
        return answer(plan, error, error_size, [&] { return Engine::plan(*request); });
    },
    /* .measure = */
    [](const flash_plan_request* request, flash_measured* measured, char* error, size_t error_size) {
        return answer(measured, error, error_size, [&] { return Engine::measure(*request); });
    },
    /* .configure = */
    [](const flash_plan_request* request, flash_plan* plan, char* error, size_t error_size) {
        return answer(plan, error, error_size, [&] { return Engine::instance().configure(*request); });
    },
    /* .outline_path = */
    [](char* path, size_t path_size) {
        const auto outline = Engine::instance().outline_path();
        if (outline) std::snprintf(path, path_size, "%s", outline->c_str());
        return outline.has_value();
    },
    /* .deconfigure = */ [] { Engine::instance().deconfigure(); },
    /* .stats = */ [](flash_stats* stats) { *stats = Engine::instance().stats(); },
    /* .set_token_by_token = */ [](bool on) { Engine::instance().set_token_by_token(on); },
    /* .keep_experts = */ [] { Engine::instance().keep_experts(); },
    /* .set_abort = */ [](bool abort) { Engine::instance().set_abort(abort); },
    /* .take_error = */
    [](char* error, size_t error_size) {
        const auto message = Engine::instance().take_error();
        if (message) std::snprintf(error, error_size, "%s", message->c_str());
        return message.has_value();
    },
};

}  // namespace

Engine& Engine::instance() {
    static Engine engine;
    return engine;
}

Result<flash_plan> Engine::plan(const flash_plan_request& request) {
    const auto planned = plan_model(request);
    if (!planned) return planned.error();
    return describe(planned->model, planned->plan);
}

Result<flash_measured> Engine::measure(const flash_plan_request& request) {
    const auto planned = plan_model(request);
    if (!planned) return planned.error();
    const auto speed = measure_speed(planned->model, planned->plan, request.threads, request.disk_ms);
    if (!speed) return speed.error();
    return flash_measured{describe(planned->model, planned->plan),
                          {speed->disk, speed->compute, used_bytes_per_token(planned->model),
                           read_bytes_per_token(planned->model, planned->plan)}};
}

Result<flash_plan> Engine::configure(const flash_plan_request& request) {
    const auto planned = plan_model(request);
    if (!planned) return planned.error();
    if (!planned->plan.fits) return Error{FLASH_INVALID_ARGUMENT, "the model does not fit the RAM cap"};
    auto served = std::make_shared<Served>();
    auto stream = Stream::open(planned->model, planned->plan, stats_);
    if (!stream) return stream.error();
    served->stream = std::move(*stream);
    auto experts =
        Experts::open(planned->model, planned->plan, stats_, request.trace_path == nullptr ? "" : request.trace_path);
    if (!experts) return experts.error();
    served->experts = std::move(*experts);
    if (planned->model.store) {
        const auto sparsity = sparsity_of(request, planned->model);
        auto neurons = Neurons::open(*planned->model.store, *sparsity, planned->plan.window_bytes,
                                     Techniques{!request.without_window, !request.without_bundles}, neuron_stats_);
        if (!neurons) return neurons.error();
        served->neurons = std::move(*neurons);
    }
    auto outline = Outline::create(planned->model, planned->plan);
    if (!outline) return outline.error();
    served->outline = std::move(*outline);
    const std::lock_guard lock(mutex_);
    configured_ = std::move(served);
    last_ = configured_;
    return describe(planned->model, planned->plan);
}

void Engine::deconfigure() {
    std::shared_ptr<Served> served;
    {
        const std::lock_guard lock(mutex_);
        served = std::exchange(configured_, nullptr);
        if (served) served->outline.reset();
    }
    // Of a load that failed, nobody else has it.
    if (served.use_count() > 1 && served->experts) served->experts->begin_warming();
}

std::optional<std::string> Engine::outline_path() const {
    const std::lock_guard lock(mutex_);
    if (!configured_ || !configured_->outline) return std::nullopt;
    return configured_->outline->path();
}

std::shared_ptr<Served> Engine::configured() const {
    const std::lock_guard lock(mutex_);
    return configured_;
}

flash_stats Engine::stats() const {
    const NeuronStats& neurons = neuron_stats_;
    return flash_stats{
        /* .used_bytes        = */ stats_.used_bytes + neurons.used_bytes,
        /* .read_bytes        = */ stats_.read_bytes + neurons.read_bytes,
        /* .reads             = */ stats_.reads + neurons.reads,
        /* .guessed_bytes     = */ stats_.guessed_bytes,
        /* .wasted_bytes      = */ stats_.wasted_bytes,
        /* .warming_bytes     = */ warming_bytes(),
        /* .disk_bytes        = */ ReadQueue::read_bytes(),
        /* .read_time         = */ ReadQueue::busy_nanoseconds(),
        /* .silence           = */ ReadQueue::silent_nanoseconds(),
        /* .first_layer       = */ stats_.first_layer,
        /* .neurons           = */ neurons.total,
        /* .active_neurons    = */ neurons.active,
        /* .loaded_neurons    = */ neurons.loaded,
        /* .neuron_io         = */ neurons.waiting,
        /* .neuron_management = */ neurons.managing,
        /* .neuron_prediction = */ neurons.predicting,
        /* .neuron_compute    = */ neurons.computing,
    };
}

std::shared_ptr<Served> Engine::last() const {
    const std::lock_guard lock(mutex_);
    return last_.lock();
}

uint64_t Engine::warming_bytes() const {
    const auto served = last();
    return served && served->experts ? served->experts->warming_bytes() : 0;
}

void Engine::keep_experts() const {
    const auto served = last();
    if (served && served->experts) served->experts->keep();
}

void Engine::fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    error_ = error.message;
}

std::optional<std::string> Engine::take_error() {
    const std::lock_guard lock(mutex_);
    return std::exchange(error_, std::nullopt);
}

const flash_api* api() { return &kApi; }

}  // namespace flash
