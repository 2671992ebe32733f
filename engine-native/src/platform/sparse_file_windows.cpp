#include <windows.h>
// After windows.h.
#include <fcntl.h>
#include <io.h>

#include <string>

#include "platform/sparse_file.h"

namespace flash {
namespace {

const std::wstring kPrefix = L"flint-skeleton-";

/** Of processes that were killed: what another has open is not removed. */
void remove_abandoned(const std::filesystem::path& folder) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (entry.path().filename().wstring().rfind(kPrefix, 0) == 0) DeleteFileW(entry.path().c_str());
    }
}

/** Not one that is gone when it is closed: that could not be opened again as any other file. */
FileStream create_file(const std::filesystem::path& path) {
    const HANDLE handle = CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                      nullptr, CREATE_NEW, FILE_ATTRIBUTE_TEMPORARY, nullptr);
    if (handle == INVALID_HANDLE_VALUE) return nullptr;
    const int descriptor = _open_osfhandle(reinterpret_cast<intptr_t>(handle), _O_BINARY | _O_NOINHERIT);
    if (descriptor < 0) {
        CloseHandle(handle);
        return nullptr;
    }
    FileStream stream(_fdopen(descriptor, "w+b"));
    if (!stream) _close(descriptor);
    return stream;
}

}  // namespace

std::unique_ptr<SparseFile> SparseFile::create() { return create_temporary(); }

std::unique_ptr<SparseFile> SparseFile::create_temporary() {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
    if (error) return nullptr;
    remove_abandoned(folder);
    static unsigned count = 0;  // of this process: one model is opened at a time
    const std::wstring name =
        kPrefix + std::to_wstring(GetCurrentProcessId()) + L"-" + std::to_wstring(++count) + L".gguf";
    FileStream stream = create_file(folder / name);
    if (!stream) return nullptr;
    std::unique_ptr<SparseFile> file(new SparseFile(std::move(stream), (folder / name).u8string(), true));
    // Without holes it would take the room of the whole model.
    return allow_holes(file->stream()) ? std::move(file) : nullptr;
}

SparseFile::~SparseFile() {
    stream_.reset();
    if (removed_) DeleteFileW(native_path(path_).c_str());
}

}  // namespace flash
