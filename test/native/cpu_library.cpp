// Preloaded into a process, makes its ggml take its CPU library from the folder that FLINT_CPU_LIBRARIES_FOLDER names.

#include <dlfcn.h>

#include <cstdlib>

#include "ggml-backend.h"

extern "C" __attribute__((visibility("default"))) void ggml_backend_load_all_from_path(const char* folder) {
    static const auto load = reinterpret_cast<decltype(&ggml_backend_load_all_from_path)>(
        dlsym(dlopen(GGML_LIBRARY, RTLD_NOW | RTLD_NOLOAD), "ggml_backend_load_all_from_path"));
    if (load == nullptr) std::abort();
    const char* other = std::getenv("FLINT_CPU_LIBRARIES_FOLDER");
    load(other == nullptr ? folder : other);
}
