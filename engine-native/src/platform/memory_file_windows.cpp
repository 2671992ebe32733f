#include "platform/memory_file.h"

namespace flash {

std::unique_ptr<MemoryFile> MemoryFile::create() { return nullptr; }

}  // namespace flash
