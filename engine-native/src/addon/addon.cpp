// The thin way from the sidecar's TypeScript to libggml-flash, which ggml has loaded by then.

#include <napi.h>

#include <array>

#include "flash.h"
#include "ggml-backend.h"

namespace {

using Message = std::array<char, 1024>;

/** Null, with a pending JavaScript exception, when the backend is not there or of another version. */
const flash_api* find_api(const Napi::CallbackInfo& info) {
    ggml_backend_reg_t registry = ggml_backend_reg_by_name(FLASH_BACKEND_NAME);
    const auto* api = registry == nullptr
                          ? nullptr
                          : static_cast<const flash_api*>(ggml_backend_reg_get_proc_address(registry, FLASH_API_NAME));
    if (api != nullptr && api->version == FLASH_API_VERSION) return api;
    Napi::Error::New(info.Env(), "libggml-flash is not loaded or of another version").ThrowAsJavaScriptException();
    return nullptr;
}

void throw_status(Napi::Env env, flash_status status, const Message& message) {
    Napi::Error error = Napi::Error::New(env, message.data());
    error.Set("status", Napi::Number::New(env, status));
    error.ThrowAsJavaScriptException();
}

Napi::Object plan_to_object(Napi::Env env, const flash_plan& plan) {
    Napi::Object object = Napi::Object::New(env);
    const auto number = [&](const char* name, uint64_t value) {
        object.Set(name, Napi::Number::New(env, static_cast<double>(value)));
    };
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
    return object;
}

Napi::Object measured_to_object(Napi::Env env, const flash_measured& measured) {
    const flash_speed& speed = measured.speed;
    Napi::Object object = plan_to_object(env, measured.plan);
    object.Set("diskBytesPerSecond", Napi::Number::New(env, speed.disk_bytes_per_second));
    object.Set("computeBytesPerSecond", Napi::Number::New(env, speed.compute_bytes_per_second));
    object.Set("usedBytesPerToken", Napi::Number::New(env, speed.used_bytes_per_token));
    object.Set("readBytesPerToken", Napi::Number::New(env, speed.read_bytes_per_token));
    return object;
}

/**
 * (modelPath, ramCapBytes, contextTokens, threads, diskMs, sparsity, tracePath?) => what `function` fills;
 * sidecar/flash.ts has the types.
 */
template <typename Value, typename Function>
Napi::Value call(const Napi::CallbackInfo& info, Function flash_api::*function,
                 Napi::Object (*to_object)(Napi::Env, const Value&)) {
    const Napi::Env env = info.Env();
    const flash_api* api = find_api(info);
    if (api == nullptr) return env.Undefined();
    if (info.Length() < 6 || !info[0].IsString() || !info[1].IsNumber() || !info[2].IsNumber() || !info[3].IsNumber() ||
        !info[4].IsNumber() || !info[5].IsNumber() || !(info[6].IsUndefined() || info[6].IsString())) {
        Napi::TypeError::New(
            env, "expected a path, a cap in bytes, a context in tokens, threads, milliseconds, a sparsity and a path")
            .ThrowAsJavaScriptException();
        return env.Undefined();
    }
    const std::string path = info[0].As<Napi::String>();
    const int64_t cap = info[1].As<Napi::Number>().Int64Value();
    const int64_t context = info[2].As<Napi::Number>().Int64Value();
    const uint32_t threads = info[3].As<Napi::Number>().Uint32Value();
    if (cap < 0 || context < 0 || context > UINT32_MAX) {
        Napi::RangeError::New(env, "a cap or context is out of range").ThrowAsJavaScriptException();
        return env.Undefined();
    }
    const std::string trace = info[6].IsString() ? info[6].As<Napi::String>().Utf8Value() : std::string();
    flash_plan_request request{};
    request.model_path = path.c_str();
    request.ram_cap_bytes = static_cast<uint64_t>(cap);
    request.context_tokens = static_cast<uint32_t>(context);
    request.threads = threads;
    request.disk_ms = info[4].As<Napi::Number>().Uint32Value();
    request.trace_path = trace.empty() ? nullptr : trace.c_str();
    request.sparsity = static_cast<flash_sparsity>(info[5].As<Napi::Number>().Uint32Value());
    Value value{};
    Message message{};
    const flash_status status = (api->*function)(&request, &value, message.data(), message.size());
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
Napi::Value configure(const Napi::CallbackInfo& info) {
    return call<flash_plan>(info, &flash_api::configure, plan_to_object);
}

Napi::Value outline_path(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    std::array<char, 64> path{};
    const flash_api* api = find_api(info);
    if (api == nullptr || !api->outline_path(path.data(), path.size())) return env.Undefined();
    return Napi::String::New(env, path.data());
}

void deconfigure(const Napi::CallbackInfo& info) {
    if (const flash_api* api = find_api(info)) api->deconfigure();
}

void keep_experts(const Napi::CallbackInfo& info) {
    if (const flash_api* api = find_api(info)) api->keep_experts();
}

Napi::Value stats(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const flash_api* api = find_api(info);
    if (api == nullptr) return env.Undefined();
    flash_stats stats{};
    api->stats(&stats);
    Napi::Object object = Napi::Object::New(env);
    object.Set("usedBytes", Napi::Number::New(env, static_cast<double>(stats.used_bytes)));
    object.Set("readBytes", Napi::Number::New(env, static_cast<double>(stats.read_bytes)));
    object.Set("wastedBytes", Napi::Number::New(env, static_cast<double>(stats.wasted_bytes)));
    object.Set("reads", Napi::Number::New(env, static_cast<double>(stats.reads)));
    object.Set("warmingBytes", Napi::Number::New(env, static_cast<double>(stats.warming_bytes)));
    object.Set("diskBytes", Napi::Number::New(env, static_cast<double>(stats.disk_bytes)));
    object.Set("readMs", Napi::Number::New(env, static_cast<double>(stats.read_time) / 1e6));
    object.Set("silentMs", Napi::Number::New(env, static_cast<double>(stats.silence) / 1e6));
    object.Set("firstLayerMs", Napi::Number::New(env, static_cast<double>(stats.first_layer) / 1e6));
    return object;
}

void set_token_by_token(const Napi::CallbackInfo& info) {
    const flash_api* api = find_api(info);
    if (api != nullptr && info.Length() == 1 && info[0].IsBoolean())
        api->set_token_by_token(info[0].As<Napi::Boolean>());
}

void set_abort(const Napi::CallbackInfo& info) {
    const flash_api* api = find_api(info);
    if (api != nullptr && info.Length() == 1 && info[0].IsBoolean()) api->set_abort(info[0].As<Napi::Boolean>());
}

Napi::Value take_error(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Message message{};
    const flash_api* api = find_api(info);
    if (api == nullptr || !api->take_error(message.data(), message.size())) return env.Undefined();
    return Napi::String::New(env, message.data());
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
    exports.Set("plan", Napi::Function::New(env, plan));
    exports.Set("measure", Napi::Function::New(env, measure));
    exports.Set("configure", Napi::Function::New(env, configure));
    exports.Set("outlinePath", Napi::Function::New(env, outline_path));
    exports.Set("deconfigure", Napi::Function::New(env, deconfigure));
    exports.Set("keepExperts", Napi::Function::New(env, keep_experts));
    exports.Set("stats", Napi::Function::New(env, stats));
    exports.Set("setTokenByToken", Napi::Function::New(env, set_token_by_token));
    exports.Set("setAbort", Napi::Function::New(env, set_abort));
    exports.Set("takeError", Napi::Function::New(env, take_error));
    return exports;
}

}  // namespace

NODE_API_MODULE(flint, init)
