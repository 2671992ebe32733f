#include <windows.h>
// After windows.h.
#include <psapi.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "platform/files.h"
#include "platform/library.h"

namespace flash {
namespace {

std::vector<HMODULE> loaded_libraries() {
    std::vector<HMODULE> libraries(64);
    // Others may be loaded meanwhile.
    for (;;) {
        const DWORD size = static_cast<DWORD>(libraries.size() * sizeof(HMODULE));
        DWORD needed = 0;
        if (K32EnumProcessModules(GetCurrentProcess(), libraries.data(), size, &needed) == 0) return {};
        libraries.resize(needed / sizeof(HMODULE));
        if (needed <= size) return libraries;
    }
}

void* function_of(HMODULE library, const char* name) { return reinterpret_cast<void*>(GetProcAddress(library, name)); }

}  // namespace

void* function_beside(void* known, const char* name) {
    HMODULE library = nullptr;
    constexpr DWORD kByAddress = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (GetModuleHandleExW(kByAddress, static_cast<LPCWSTR>(known), &library) == 0) return nullptr;
    return function_of(library, name);
}

void* loaded_function(const char* name) {
    for (HMODULE library : loaded_libraries()) {
        void* function = function_of(library, name);
        if (function != nullptr) return function;
    }
    return nullptr;
}

Result<void*> load_function(const std::string& path, const char* name) {
    const HMODULE library = LoadLibraryW(native_path(path).c_str());
    void* function = library == nullptr ? nullptr : function_of(library, name);
    if (function != nullptr) return function;
    const std::error_code error(static_cast<int>(GetLastError()), std::system_category());
    return Error{FLASH_INVALID_ARGUMENT, path + ": " + error.message()};
}

}  // namespace flash
