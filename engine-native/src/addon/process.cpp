// What the sidecar does with its own process. Loaded before anything else, so it depends on no library of ggml.

#include <napi.h>

#include <system_error>

#include "platform/client.h"
#include "platform/heap.h"
#include "platform/page_cache.h"

namespace {

/** (graceMs) => undefined. Throws where there can't be another thread. */
void end_with_client(const Napi::CallbackInfo& info) {
    if (info.Length() != 1 || !info[0].IsNumber()) {
        Napi::TypeError::New(info.Env(), "expected milliseconds").ThrowAsJavaScriptException();
        return;
    }
    try {
        flash::end_with_client(std::chrono::milliseconds(info[0].As<Napi::Number>().Uint32Value()));
    } catch (const std::system_error& error) {
        Napi::Error::New(info.Env(), error.what()).ThrowAsJavaScriptException();
    }
}

void return_large_blocks(const Napi::CallbackInfo&) { flash::return_large_blocks(); }
void release_free_memory(const Napi::CallbackInfo&) { flash::release_free_memory(); }

/** (path) => undefined. */
void drop_cached_file(const Napi::CallbackInfo& info) {
    if (info.Length() != 1 || !info[0].IsString()) {
        Napi::TypeError::New(info.Env(), "expected a path").ThrowAsJavaScriptException();
        return;
    }
    flash::drop_cached_file(info[0].As<Napi::String>().Utf8Value());
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
    exports.Set("endWithClient", Napi::Function::New(env, end_with_client));
    exports.Set("returnLargeBlocks", Napi::Function::New(env, return_large_blocks));
    exports.Set("releaseFreeMemory", Napi::Function::New(env, release_free_memory));
    exports.Set("dropCachedFile", Napi::Function::New(env, drop_cached_file));
    return exports;
}

}  // namespace

NODE_API_MODULE(flint_process, init)
