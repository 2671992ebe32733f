#include <windows.h>

#include "platform/library.h"

namespace flash {

void* function_beside(void* known, const char* name) {
    HMODULE library = nullptr;
    constexpr DWORD kByAddress = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (GetModuleHandleExW(kByAddress, static_cast<LPCWSTR>(known), &library) == 0) return nullptr;
    return reinterpret_cast<void*>(GetProcAddress(library, name));
}

}  // namespace flash
