#include "platform/page_cache.h"

namespace flash {

// What Windows keeps of files is no part of a process.
void drop_cached_file(const std::string&) {}

}  // namespace flash
