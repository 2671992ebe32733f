#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "platform/memory_file.h"

namespace flash {

std::unique_ptr<MemoryFile> MemoryFile::create() {
#ifdef __linux__
    const int descriptor = memfd_create("flint", MFD_CLOEXEC);
    if (descriptor < 0) return nullptr;
    FileStream stream(fdopen(descriptor, "w+b"));
    if (!stream) {
        close(descriptor);
        return nullptr;
    }
    return std::unique_ptr<MemoryFile>(
        new MemoryFile(std::move(stream), "/proc/self/fd/" + std::to_string(descriptor)));
#else
    return nullptr;
#endif
}

}  // namespace flash
