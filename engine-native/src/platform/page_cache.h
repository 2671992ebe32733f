#pragma once

#include <string>

namespace flash {

/**
 * Has the system's page cache forget a file that was read, or written and synced. Nothing happens where the system has
 * no way to, or there is no such file.
 */
void drop_cached_file(const std::string& path);

}  // namespace flash
