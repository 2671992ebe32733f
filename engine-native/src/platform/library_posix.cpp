#include <dlfcn.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#else
#include <link.h>
#endif

#include <cstdint>
#include <vector>

#include "platform/library.h"

namespace flash {
namespace {

/** Paths; that of the program itself may be empty. */
std::vector<std::string> loaded_libraries() {
    std::vector<std::string> paths;
#ifdef __APPLE__
    for (uint32_t i = 0; i < _dyld_image_count(); i++) {
        const char* path = _dyld_get_image_name(i);
        if (path != nullptr) paths.emplace_back(path);
    }
#else
    const auto add = [](dl_phdr_info* info, size_t, void* data) {
        static_cast<std::vector<std::string>*>(data)->emplace_back(info->dlpi_name);
        return 0;
    };
    dl_iterate_phdr(add, &paths);
#endif
    return paths;
}

/** Of one that is loaded already. It stays so: whoever loaded it has it still. */
void* function_of(const char* path, const char* name) {
    void* library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (library == nullptr) return nullptr;
    void* function = dlsym(library, name);
    dlclose(library);
    return function;
}

}  // namespace

void* function_beside(void* known, const char* name) {
    Dl_info info;
    return dladdr(known, &info) == 0 ? nullptr : function_of(info.dli_fname, name);
}

// Node loads its addons, and with them ggml, so that others do not see their functions: dlsym with RTLD_DEFAULT finds
// none of them.
void* loaded_function(const char* name) {
    for (const std::string& path : loaded_libraries()) {
        void* function = path.empty() ? nullptr : function_of(path.c_str(), name);
        if (function != nullptr) return function;
    }
    return nullptr;
}

Result<void*> load_function(const std::string& path, const char* name) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* function = library == nullptr ? nullptr : dlsym(library, name);
    if (function != nullptr) return function;
    const char* why = dlerror();
    return Error{FLASH_INVALID_ARGUMENT, why == nullptr ? path + " has no " + name : why};
}

}  // namespace flash
