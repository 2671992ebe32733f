#include <windows.h>
// After the above.
#include <io.h>
#include <shellapi.h>
#include <winioctl.h>

#include <cerrno>

#include "platform/files.h"

namespace flash {
namespace {

std::wstring wide(const std::string& text) {
    const int size = static_cast<int>(text.size());
    std::wstring result(static_cast<size_t>(MultiByteToWideChar(CP_UTF8, 0, text.data(), size, nullptr, 0)), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, text.data(), size, result.data(), static_cast<int>(result.size()));
    return result;
}

HANDLE handle_of(std::FILE* file) { return reinterpret_cast<HANDLE>(_get_osfhandle(_fileno(file))); }

/** Longer paths have to be said in full, and to the letter. The length is that of folders, which is the smaller one. */
constexpr size_t kLongestPlain = 247;

}  // namespace

std::filesystem::path native_path(const std::string& path) {
    const std::wstring given = wide(path);
    std::wstring full(GetFullPathNameW(given.c_str(), 0, nullptr, nullptr), L'\0');
    full.resize(GetFullPathNameW(given.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr));
    if (full.size() <= kLongestPlain || full.compare(0, 4, L"\\\\?\\") == 0) return given;
    return full.compare(0, 2, L"\\\\") == 0 ? L"\\\\?\\UNC" + full.substr(1) : L"\\\\?\\" + full;
}

std::vector<std::string> utf8_arguments(int, char**) {
    int count = 0;
    const std::unique_ptr<LPWSTR, decltype(&LocalFree)> words(CommandLineToArgvW(GetCommandLineW(), &count),
                                                              &LocalFree);
    std::vector<std::string> arguments;
    for (int i = 0; i < count; i++) arguments.push_back(std::filesystem::path(words.get()[i]).u8string());
    return arguments;
}

FileStream open_file(const std::string& path, const char* mode) {
    return FileStream(_wfopen(native_path(path).c_str(), wide(mode).c_str()));
}

bool sync_file(std::FILE* file) { return _commit(_fileno(file)) == 0; }

bool resize_file(std::FILE* file, uint64_t size) {
    FILE_END_OF_FILE_INFO end{};
    end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
    if (SetFileInformationByHandle(handle_of(file), FileEndOfFileInfo, &end, sizeof end) != 0) return true;
    errno = GetLastError() == ERROR_DISK_FULL ? ENOSPC : EIO;
    return false;
}

bool allow_holes(std::FILE* file) {
    DWORD none = 0;
    return DeviceIoControl(handle_of(file), FSCTL_SET_SPARSE, nullptr, 0, nullptr, 0, &none, nullptr) != 0;
}

}  // namespace flash
