#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "platform/sparse_file.h"

namespace flash {
namespace {

constexpr const char* kPrefix = "flint-skeleton-";

/** Of processes that were killed: the others hold a lock on theirs. */
void remove_abandoned(const std::filesystem::path& folder) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (entry.path().filename().string().rfind(kPrefix, 0) != 0) continue;
        const int descriptor = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (descriptor < 0) continue;
        if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) unlink(entry.path().c_str());
        close(descriptor);
    }
}

/** Takes the descriptor. */
FileStream stream_of(int descriptor) {
    FileStream stream(fdopen(descriptor, "w+b"));
    if (!stream) close(descriptor);
    return stream;
}

}  // namespace

std::unique_ptr<SparseFile> SparseFile::create() {
#ifdef __linux__
    const int descriptor = memfd_create("flint", MFD_CLOEXEC);
    if (descriptor >= 0) {
        FileStream stream = stream_of(descriptor);
        if (!stream) return nullptr;
        const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
        return std::unique_ptr<SparseFile>(new SparseFile(std::move(stream), path, false));
    }
#endif
    return create_temporary();
}

std::unique_ptr<SparseFile> SparseFile::create_temporary() {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
    if (error) return nullptr;
    remove_abandoned(folder);
    std::string path = (folder / kPrefix).string() + "XXXXXX";
    const int descriptor = mkstemp(path.data());
    if (descriptor < 0) return nullptr;
    // Another process may find it before the lock is there: it removes the name, and this one opens nothing.
    const bool locked = flock(descriptor, LOCK_EX | LOCK_NB) == 0 && fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
    FileStream stream = stream_of(descriptor);
    if (locked && stream) return std::unique_ptr<SparseFile>(new SparseFile(std::move(stream), path, true));
    unlink(path.c_str());
    return nullptr;
}

SparseFile::~SparseFile() {
    if (removed_) unlink(path_.c_str());
}

}  // namespace flash
