// FILE_FLAG_NO_BUFFERING, and FILE_FLAG_OVERLAPPED: without it the system lets only one thread at a time read a handle.

#include <windows.h>

#include <algorithm>
#include <memory>

#include "platform/files.h"
#include "reader/direct_file.h"

namespace flash {
namespace {

struct CloseHandleOf {
    void operator()(void* handle) const { CloseHandle(handle); }
};
using Handle = std::unique_ptr<void, CloseHandleOf>;

HANDLE native(intptr_t handle) { return reinterpret_cast<HANDLE>(handle); }

/** Others may rename and remove the file, as on other systems. Null where it cannot be opened. */
Handle open_with(const std::filesystem::path& path, DWORD flags) {
    constexpr DWORD kShared = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    const HANDLE handle =
        CreateFileW(path.c_str(), GENERIC_READ, kShared, nullptr, OPEN_EXISTING, FILE_FLAG_OVERLAPPED | flags, nullptr);
    return Handle(handle == INVALID_HANDLE_VALUE ? nullptr : handle);
}

/** Whether kReadAlignment suffices for direct reads of this file. True where the file system does not report it: then a
 * read fails if it does not. */
bool takes_our_alignment(HANDLE file) {
    FILE_STORAGE_INFO storage{};
    if (GetFileInformationByHandleEx(file, FileStorageInfo, &storage, sizeof storage) != 0 &&
        (storage.LogicalBytesPerSector == 0 || kReadAlignment % storage.LogicalBytesPerSector != 0)) {
        return false;
    }
    FILE_ALIGNMENT_INFO memory{};  // a mask
    return GetFileInformationByHandleEx(file, FileAlignmentInfo, &memory, sizeof memory) == 0 ||
           memory.AlignmentRequirement < kReadAlignment;
}

int64_t failure(DWORD error) { return error == ERROR_HANDLE_EOF ? 0 : -static_cast<int64_t>(error); }

}  // namespace

Result<DirectFile> DirectFile::open(const std::string& path) {
    const std::filesystem::path native_form = native_path(path);
    Handle file = open_with(native_form, FILE_FLAG_NO_BUFFERING);
    const bool direct = file && takes_our_alignment(file.get());
    if (!direct) file = open_with(native_form, FILE_FLAG_RANDOM_ACCESS);
    if (!file) {
        return Error{FLASH_READ_FAILED, "cannot open " + path + ": " + words_for(static_cast<int>(GetLastError()))};
    }
    return DirectFile(reinterpret_cast<intptr_t>(file.release()), direct);
}

DirectFile::~DirectFile() {
    if (handle_ != kNone) CloseHandle(native(handle_));
}

int64_t DirectFile::read(uint8_t* data, uint64_t size, uint64_t offset) const {
    // Threads that read the same handle must not wake each other.
    const Handle done(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    if (!done) return failure(GetLastError());
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(offset);
    place.OffsetHigh = static_cast<DWORD>(offset >> 32);
    place.hEvent = done.get();
    if (ReadFile(native(handle_), data, static_cast<DWORD>(std::min(size, kMostBytes)), nullptr, &place) == 0 &&
        GetLastError() != ERROR_IO_PENDING) {
        return failure(GetLastError());
    }
    DWORD count = 0;
    if (GetOverlappedResult(native(handle_), &place, &count, TRUE) == 0) return failure(GetLastError());
    return count;
}

// Nothing lets go of cached pages but closing the file.
void DirectFile::drop_cached(uint64_t, uint64_t) const {}

std::string DirectFile::words_for(int error_number) {
    wchar_t text[512];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr,
                                  static_cast<DWORD>(error_number), 0, text, 512, nullptr);
    while (length > 0 && (text[length - 1] <= L' ' || text[length - 1] == L'.')) length--;
    if (length == 0) return "error " + std::to_string(error_number);
    return std::filesystem::path(text, text + length).u8string();
}

}  // namespace flash
