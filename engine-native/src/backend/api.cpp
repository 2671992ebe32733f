#include "backend/api.h"

#include <cstdio>
#include <memory>
#include <string>

#include "backend/current_load.h"
#include "backend/gpu.h"
#include "backend/served_model.h"
#include "compute/speed.h"
#include "gguf/model.h"

/** The handle of a model: the C interface knows only its name. */
struct flash_model {
    std::shared_ptr<flash::ServedModel> served;
    std::string load_path;
};

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
        /* .process_bytes      = */ plan.process_bytes,
        /* .vocabulary_bytes   = */ vocabulary_bytes(model),
        /* .layers             = */ static_cast<uint32_t>(model.layer_kv_bytes.size() + 1),
        /* .gpu_layers         = */ plan.gpu.layers,
        /* .gpu_expert_layers  = */ plan.gpu.expert_layers,
        /* .gpu_weight_bytes   = */ plan.gpu.weight_bytes,
        /* .gpu_kv_bytes       = */ plan.gpu.kv_bytes,
        /* .gpu_compute_bytes  = */ plan.gpu.compute_bytes,
        /* .kv_quantized       = */ plan.kv_type == KvType::Q8_0,
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
    Result<Model> model = read_usable_model(request.model_path);
    if (!model) return model.error();
    const auto sparsity = sparsity_of(request, *model);
    if (!sparsity) return sparsity.error();
    Gpu gpu;
    if (request.gpu) gpu = {true, request.gpu_bytes, request.gpu_unified, types_lacking_on_gpus(*model)};
    Plan plan = make_plan(*model, {request.ram_cap_bytes, request.context_tokens, request.threads, *sparsity, gpu});
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

Result<flash_plan> plan(const flash_plan_request& request) {
    const auto planned = plan_model(request);
    if (!planned) return planned.error();
    return describe(planned->model, planned->plan);
}

Result<flash_measured> measure(const flash_plan_request& request) {
    const auto planned = plan_model(request);
    if (!planned) return planned.error();
    // What a GPU does is not measured.
    const auto [model, plan] = beside_gpu(planned->model, planned->plan);
    const auto speed = measure_speed(model, plan, request.threads, request.disk_ms);
    if (!speed) return speed.error();
    return flash_measured{
        describe(planned->model, planned->plan),
        {speed->disk, speed->compute, speed->check, used_bytes_per_token(model), read_bytes_per_token(model, plan)}};
}

Result<flash_plan> open(const flash_plan_request& request, std::unique_ptr<flash_model>& handle) {
    const auto planned = plan_model(request);
    if (!planned) return planned.error();
    const auto& [model, plan] = *planned;
    if (!plan.fits) return Error{FLASH_INVALID_ARGUMENT, "the model does not fit the RAM cap"};
    ServingOptions options;
    options.sparsity = *sparsity_of(request, model);
    options.techniques = {!request.without_window, !request.without_bundles};
    if (request.trace_path != nullptr) options.trace_path = request.trace_path;
    auto served = ServedModel::open(model, plan, options);
    if (!served) return served.error();
    if (plan.gpu.layers > 0 && (*served)->experts) keep_experts_off_gpus();
    handle = std::make_unique<flash_model>();
    handle->load_path = (*served)->skeleton ? (*served)->skeleton->path() : request.model_path;
    handle->served = std::move(*served);
    return describe(model, plan);
}

Result<bool> begin_load(const flash_model& model) {
    if (flash::begin_load(model.served)) return true;
    return Error{FLASH_INVALID_STATE, "another model is being loaded"};
}

void end_load(const flash_model& model) {
    flash::end_load(*model.served);
    model.served->skeleton.reset();
    // Of a load that failed, nobody else has it.
    if (model.served.use_count() > 1 && model.served->experts) model.served->experts->begin_warming();
}

flash_stats stats_of(const ServedModel& served) {
    const ReadStats& reads = served.read_stats;
    const NeuronStats& neurons = served.neuron_stats;
    return flash_stats{
        /* .used_bytes        = */ reads.used_bytes + neurons.used_bytes,
        /* .read_bytes        = */ reads.read_bytes + neurons.read_bytes,
        /* .reads             = */ reads.reads + neurons.reads,
        /* .guessed_bytes     = */ reads.guessed_bytes,
        /* .wasted_bytes      = */ reads.wasted_bytes,
        /* .warming_bytes     = */ served.experts ? served.experts->warming_bytes() : 0,
        /* .first_layer       = */ reads.first_layer,
        /* .neurons           = */ neurons.total,
        /* .active_neurons    = */ neurons.active,
        /* .loaded_neurons    = */ neurons.loaded,
        /* .neuron_io         = */ neurons.waiting,
        /* .neuron_management = */ neurons.managing,
        /* .neuron_prediction = */ neurons.predicting,
        /* .neuron_compute    = */ neurons.computing,
        /* .kept_bytes        = */ served.kept_bytes,
    };
}

const flash_api kApi = {
    /* .version = */ FLASH_API_VERSION,
    /* .plan = */
    [](const flash_plan_request* request, flash_plan* plan, char* error, size_t error_size) {
        return answer(plan, error, error_size, [&] { return flash::plan(*request); });
    },
    /* .measure = */
    [](const flash_plan_request* request, flash_measured* measured, char* error, size_t error_size) {
        return answer(measured, error, error_size, [&] { return measure(*request); });
    },
    /* .open = */
    [](const flash_plan_request* request, flash_model** model, flash_plan* plan, char* error, size_t error_size) {
        std::unique_ptr<flash_model> handle;
        const flash_status status = answer(plan, error, error_size, [&] { return open(*request, handle); });
        *model = handle.release();
        return status;
    },
    /* .load_path = */ [](const flash_model* model) { return model->load_path.c_str(); },
    /* .begin_load = */
    [](flash_model* model, char* error, size_t error_size) {
        bool begun = false;
        return answer(&begun, error, error_size, [&] { return begin_load(*model); });
    },
    /* .end_load = */ [](flash_model* model) { end_load(*model); },
    /* .stats = */ [](const flash_model* model, flash_stats* stats) { *stats = stats_of(*model->served); },
    /* .set_token_by_token = */ [](flash_model* model, bool on) { model->served->token_by_token = on; },
    /* .keep_experts = */
    [](const flash_model* model) {
        if (model->served->experts) model->served->experts->keep();
    },
    /* .set_abort = */ [](flash_model* model, bool abort) { model->served->aborted = abort; },
    /* .take_error = */
    [](flash_model* model, char* error, size_t error_size) {
        const auto message = model->served->take_error();
        if (message) std::snprintf(error, error_size, "%s", message->c_str());
        return message.has_value();
    },
    /* .close = */
    [](flash_model* model) {
        const std::unique_ptr<flash_model> handle(model);
        end_load(*handle);
    },
    /* .disk_stats = */
    [](flash_disk_stats* stats) {
        *stats = {ReadQueue::read_bytes(), ReadQueue::busy_nanoseconds(), ReadQueue::stalled_nanoseconds()};
    },
};

}  // namespace

const flash_api* api() { return &kApi; }

}  // namespace flash
