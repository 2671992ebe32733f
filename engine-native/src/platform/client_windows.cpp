// A pipe can't be looked at while another thread reads from it, so it is the parent process that is waited for.

#include <windows.h>
// After windows.h.
#include <tlhelp32.h>

#include <cstdint>
#include <memory>

#include "platform/client.h"

namespace flash {

namespace {

struct HandleCloser {
    void operator()(HANDLE handle) const { CloseHandle(handle); }
};
using Handle = std::unique_ptr<void, HandleCloser>;

/** 0 where it isn't known. */
DWORD parent_of(DWORD process) {
    const HANDLE opened = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    if (opened == INVALID_HANDLE_VALUE) return 0;
    const Handle snapshot(opened);
    PROCESSENTRY32W entry{};
    entry.dwSize = sizeof entry;
    for (BOOL found = Process32FirstW(opened, &entry); found; found = Process32NextW(opened, &entry)) {
        if (entry.th32ProcessID == process) return entry.th32ParentProcessID;
    }
    return 0;
}

/** In 100 nanoseconds since 1601; 0 where it isn't known. */
uint64_t start_of(HANDLE process) {
    FILETIME start{}, end{}, kernel{}, user{};
    if (!GetProcessTimes(process, &start, &end, &kernel, &user)) return 0;
    return static_cast<uint64_t>(start.dwHighDateTime) << 32 | start.dwLowDateTime;
}

}  // namespace

bool wait_for_client_end() {
    const DWORD id = parent_of(GetCurrentProcessId());
    if (id == 0) return false;
    const Handle parent(OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, FALSE, id));
    // Gone already, or its number is another process's now.
    if (!parent) return GetLastError() == ERROR_INVALID_PARAMETER;
    if (start_of(parent.get()) > start_of(GetCurrentProcess())) return true;
    return WaitForSingleObject(parent.get(), INFINITE) == WAIT_OBJECT_0;
}

void exit_at_once() {
    TerminateProcess(GetCurrentProcess(), 0);
    // It does not return for the calling process.
    for (;;) Sleep(INFINITE);
}

}  // namespace flash
