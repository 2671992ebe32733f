// The thin way from the sidecar's TypeScript to libggml-flash. Links no library of ggml: node-llama-cpp has loaded
// them.

#include <napi.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <string>

#include "flash.h"
#include "ggml-backend-impl.h"
#include "platform/library.h"

namespace {

using Message = std::array<char, 1024>;

/** Of the backend, from when it is loaded. */
const flash_api* loaded_api = nullptr;

/**
 * What ggml itself would do with GGML_BACKEND_PATH, which it can't read where a process sets its own environment on
 * Windows, nor open beyond the letters of the system's code page.
 */
flash::Result<const flash_api*> load_backend(const std::string& path) {
    const auto init = flash::load_function(path, "ggml_backend_init");
    if (!init) return init.error();
    const auto register_backend =
        reinterpret_cast<decltype(&ggml_backend_register)>(flash::loaded_function("ggml_backend_register"));
    if (register_backend == nullptr) return flash::Error{FLASH_INVALID_STATE, "ggml is not loaded"};
    ggml_backend_reg_t registry = reinterpret_cast<ggml_backend_init_t>(*init)();
    const auto* api = static_cast<const flash_api*>(registry->iface.get_proc_address(registry, FLASH_API_NAME));
    if (registry->api_version != GGML_BACKEND_API_VERSION || api == nullptr || api->version != FLASH_API_VERSION)
        return flash::Error{FLASH_INVALID_STATE, path + " is of another version"};
    register_backend(registry);
    return api;
}

/** (path) => undefined: registers the backend with the ggml that node-llama-cpp has loaded, once. */
void load(const Napi::CallbackInfo& info) {
    if (!info[0].IsString()) {
        Napi::TypeError::New(info.Env(), "expected a path").ThrowAsJavaScriptException();
        return;
    }
    if (loaded_api != nullptr) return;
    const auto api = load_backend(info[0].As<Napi::String>().Utf8Value());
    if (api)
        loaded_api = *api;
    else
        Napi::Error::New(info.Env(), "libggml-flash cannot be loaded: " + api.error().message)
            .ThrowAsJavaScriptException();
}

/** Null, with a pending JavaScript exception, before the backend is loaded. */
const flash_api* find_api(const Napi::CallbackInfo& info) {
    if (loaded_api != nullptr) return loaded_api;
    Napi::Error::New(info.Env(), "libggml-flash is not loaded").ThrowAsJavaScriptException();
    return nullptr;
}

void throw_status(Napi::Env env, flash_status status, const Message& message) {
    Napi::Error error = Napi::Error::New(env, message.data());
    error.Set("status", Napi::Number::New(env, status));
    error.ThrowAsJavaScriptException();
}

void set(Napi::Object object, const char* name, uint64_t value) { object.Set(name, static_cast<double>(value)); }

Napi::Object plan_to_object(Napi::Env env, const flash_plan& plan) {
    Napi::Object object = Napi::Object::New(env);
    const auto number = [&](const char* name, uint64_t value) { set(object, name, value); };
    object.Set("fits", Napi::Boolean::New(env, plan.fits));
    number("minimumCapBytes", plan.minimum_cap_bytes);
    number("wholeCapBytes", plan.whole_cap_bytes);
    number("maximumContext", plan.maximum_context);
    number("contextTokens", plan.context_tokens);
    number("microBatchTokens", plan.micro_batch_tokens);
    number("residentBytes", plan.resident_bytes);
    number("pinnedBytes", plan.pinned_bytes);
    number("streamedBytes", plan.streamed_bytes);
    number("rowReadBytes", plan.row_read_bytes);
    number("expertCacheBytes", plan.expert_cache_bytes);
    number("windowBytes", plan.window_bytes);
    number("kvBytes", plan.kv_bytes);
    number("computeBytes", plan.compute_bytes);
    number("stagingBytes", plan.staging_bytes);
    number("processBytes", plan.process_bytes);
    number("vocabularyBytes", plan.vocabulary_bytes);
    number("layers", plan.layers);
    number("gpuLayers", plan.gpu_layers);
    number("gpuExpertLayers", plan.gpu_expert_layers);
    number("gpuWeightBytes", plan.gpu_weight_bytes);
    number("gpuKvBytes", plan.gpu_kv_bytes);
    number("gpuComputeBytes", plan.gpu_compute_bytes);
    object.Set("kvQuantized", Napi::Boolean::New(env, plan.kv_quantized));
    return object;
}

Napi::Object measured_to_object(Napi::Env env, const flash_measured& measured) {
    const flash_speed& speed = measured.speed;
    Napi::Object object = plan_to_object(env, measured.plan);
    object.Set("diskBytesPerSecond", Napi::Number::New(env, speed.disk_bytes_per_second));
    object.Set("computeBytesPerSecond", Napi::Number::New(env, speed.compute_bytes_per_second));
    object.Set("checkBytesPerSecond", Napi::Number::New(env, speed.check_bytes_per_second));
    object.Set("usedBytesPerToken", Napi::Number::New(env, speed.used_bytes_per_token));
    object.Set("readBytesPerToken", Napi::Number::New(env, speed.read_bytes_per_token));
    return object;
}

/** A request, and the texts that it points to. */
struct Request {
    std::string model_path;
    std::string trace_path;
    flash_plan_request request{};

    const flash_plan_request* get() {
        request.model_path = model_path.c_str();
        request.trace_path = trace_path.empty() ? nullptr : trace_path.c_str();
        return &request;
    }
};

/**
 * Of (modelPath, ramCapBytes, contextTokens, threads, diskMs, sparsity, gpuBytes, gpuIsUnified, tracePath?);
 * sidecar/flash.ts has the types.
 * @return false, with a pending JavaScript exception, where they are something else
 */
bool read_request(const Napi::CallbackInfo& info, Request& read) {
    const Napi::Env env = info.Env();
    constexpr size_t kNumbers[] = {1, 2, 3, 4, 5};
    const bool numbers =
        std::all_of(std::begin(kNumbers), std::end(kNumbers), [&](size_t i) { return info[i].IsNumber(); });
    if (!info[0].IsString() || !numbers || !(info[6].IsUndefined() || info[6].IsNumber()) || !info[7].IsBoolean() ||
        !(info[8].IsUndefined() || info[8].IsString())) {
        Napi::TypeError::New(env,
                             "expected a path, a cap in bytes, a context in tokens, threads, milliseconds, a sparsity, "
                             "a GPU's bytes, whether they are the processor's, and a path")
            .ThrowAsJavaScriptException();
        return false;
    }
    const int64_t cap = info[1].As<Napi::Number>().Int64Value();
    const int64_t context = info[2].As<Napi::Number>().Int64Value();
    if (cap < 0 || context < 0 || context > UINT32_MAX) {
        Napi::RangeError::New(env, "a cap or context is out of range").ThrowAsJavaScriptException();
        return false;
    }
    read.model_path = info[0].As<Napi::String>().Utf8Value();
    if (info[8].IsString()) read.trace_path = info[8].As<Napi::String>().Utf8Value();
    read.request.ram_cap_bytes = static_cast<uint64_t>(cap);
    read.request.context_tokens = static_cast<uint32_t>(context);
    read.request.threads = info[3].As<Napi::Number>().Uint32Value();
    read.request.disk_ms = info[4].As<Napi::Number>().Uint32Value();
    read.request.sparsity = static_cast<flash_sparsity>(info[5].As<Napi::Number>().Uint32Value());
    read.request.gpu = info[6].IsNumber();
    if (read.request.gpu)
        read.request.gpu_bytes = static_cast<uint64_t>(std::max<int64_t>(0, info[6].As<Napi::Number>().Int64Value()));
    read.request.gpu_unified = info[7].As<Napi::Boolean>();
    return true;
}

/** (request) => what `function` fills. */
template <typename Value, typename Function>
Napi::Value call(const Napi::CallbackInfo& info, Function flash_api::*function,
                 Napi::Object (*to_object)(Napi::Env, const Value&)) {
    const Napi::Env env = info.Env();
    const flash_api* api = find_api(info);
    Request request;
    if (api == nullptr || !read_request(info, request)) return env.Undefined();
    Value value{};
    Message message{};
    const flash_status status = (api->*function)(request.get(), &value, message.data(), message.size());
    if (status != FLASH_OK) {
        throw_status(env, status, message);
        return env.Undefined();
    }
    return to_object(env, value);
}

Napi::Value plan(const Napi::CallbackInfo& info) { return call<flash_plan>(info, &flash_api::plan, plan_to_object); }
Napi::Value measure(const Napi::CallbackInfo& info) {
    return call<flash_measured>(info, &flash_api::measure, measured_to_object);
}
/** A model that is open: `new Model(...request)`. */
class Model : public Napi::ObjectWrap<Model> {
  public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "Model",
                           {
                               InstanceAccessor<&Model::plan>("plan"),
                               InstanceAccessor<&Model::load_path>("loadPath"),
                               InstanceMethod<&Model::begin_load>("beginLoad"),
                               InstanceMethod<&Model::end_load>("endLoad"),
                               InstanceMethod<&Model::stats>("stats"),
                               InstanceMethod<&Model::set_token_by_token>("setTokenByToken"),
                               InstanceMethod<&Model::keep_experts>("keepExperts"),
                               InstanceMethod<&Model::set_abort>("setAbort"),
                               InstanceMethod<&Model::take_error>("takeError"),
                               InstanceMethod<&Model::close>("close"),
                           });
    }

    explicit Model(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Model>(info), api_(find_api(info)) {
        Request request;
        if (api_ == nullptr || !read_request(info, request)) return;
        Message message{};
        flash_model* opened = nullptr;
        const flash_status status = api_->open(request.get(), &opened, &plan_, message.data(), message.size());
        if (status == FLASH_OK)
            model_ = {opened, api_->close};
        else
            throw_status(info.Env(), status, message);
    }

  private:
    Napi::Value plan(const Napi::CallbackInfo& info) { return plan_to_object(info.Env(), plan_); }

    Napi::Value load_path(const Napi::CallbackInfo& info) {
        if (!model_) return info.Env().Undefined();
        return Napi::String::New(info.Env(), api_->load_path(model_.get()));
    }

    void begin_load(const Napi::CallbackInfo& info) {
        if (!model_) return;
        Message message{};
        const flash_status status = api_->begin_load(model_.get(), message.data(), message.size());
        if (status != FLASH_OK) throw_status(info.Env(), status, message);
    }

    void end_load(const Napi::CallbackInfo&) {
        if (model_) api_->end_load(model_.get());
    }

    Napi::Value stats(const Napi::CallbackInfo& info) {
        flash_stats stats{};
        if (model_) api_->stats(model_.get(), &stats);
        Napi::Object object = Napi::Object::New(info.Env());
        set(object, "usedBytes", stats.used_bytes);
        set(object, "keptBytes", stats.kept_bytes);
        set(object, "readBytes", stats.read_bytes);
        set(object, "wastedBytes", stats.wasted_bytes);
        set(object, "reads", stats.reads);
        set(object, "warmingBytes", stats.warming_bytes);
        object.Set("firstLayerMs", static_cast<double>(stats.first_layer) / 1e6);
        return object;
    }

    void set_token_by_token(const Napi::CallbackInfo& info) {
        if (model_ && info[0].IsBoolean()) api_->set_token_by_token(model_.get(), info[0].As<Napi::Boolean>());
    }

    void keep_experts(const Napi::CallbackInfo&) {
        if (model_) api_->keep_experts(model_.get());
    }

    void set_abort(const Napi::CallbackInfo& info) {
        if (model_ && info[0].IsBoolean()) api_->set_abort(model_.get(), info[0].As<Napi::Boolean>());
    }

    Napi::Value take_error(const Napi::CallbackInfo& info) {
        Message message{};
        if (!model_ || !api_->take_error(model_.get(), message.data(), message.size())) return info.Env().Undefined();
        return Napi::String::New(info.Env(), message.data());
    }

    void close(const Napi::CallbackInfo&) { model_.reset(); }

    const flash_api* api_;
    flash_plan plan_{};
    std::unique_ptr<flash_model, void (*)(flash_model*)> model_{nullptr, nullptr};  // null once it is closed
};

Napi::Value disk_stats(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const flash_api* api = find_api(info);
    if (api == nullptr) return env.Undefined();
    flash_disk_stats stats{};
    api->disk_stats(&stats);
    Napi::Object object = Napi::Object::New(env);
    set(object, "readBytes", stats.read_bytes);
    object.Set("readMs", static_cast<double>(stats.read_time) / 1e6);
    object.Set("stalledMs", static_cast<double>(stats.stalled) / 1e6);
    return object;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
    exports.Set("load", Napi::Function::New(env, load));
    exports.Set("plan", Napi::Function::New(env, plan));
    exports.Set("measure", Napi::Function::New(env, measure));
    exports.Set("Model", Model::define(env));
    exports.Set("diskStats", Napi::Function::New(env, disk_stats));
    return exports;
}

}  // namespace

NODE_API_MODULE(flint, init)
