// Preloaded into a process, makes its llama.cpp keep weights as they are in the file. Otherwise it lays some types out
// anew in memory that cannot be dropped, so that with mmap too a model larger than its cgroup ends at the cgroup's
// limit.

#include <dlfcn.h>

#include <cstdlib>

#include "llama.h"

extern "C" __attribute__((visibility("default"))) llama_model* llama_model_load_from_file(const char* path,
                                                                                          llama_model_params params) {
    static const auto load = reinterpret_cast<decltype(&llama_model_load_from_file)>(
        dlsym(dlopen(LLAMA_LIBRARY, RTLD_NOW | RTLD_NOLOAD), "llama_model_load_from_file"));
    if (load == nullptr) std::abort();
    params.use_extra_bufts = false;
    return load(path, params);
}
