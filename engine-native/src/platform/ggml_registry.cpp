// The one function of libggml that the engine calls, in its place. The name of libggml differs between node-llama-cpp's
// variants (CPU, CUDA, Vulkan) and versions, and to link one of them would load a second registry of backends beside
// that in use. libggml-base, which is linked, has the same name in all.

#include "ggml-backend.h"
#include "platform/library.h"

extern "C" ggml_backend_dev_t ggml_backend_dev_by_type(enum ggml_backend_dev_type type) {
    static const auto find =
        reinterpret_cast<decltype(&ggml_backend_dev_by_type)>(flash::loaded_function("ggml_backend_dev_by_type"));
    return find == nullptr ? nullptr : find(type);
}
