#pragma once

#include <string>

#include "result.h"

namespace flash {

/** A function of the loaded library that holds this one; null where there is none of that name. */
void* function_beside(void* known, const char* name);

/** A function of any library that this process has loaded; null where none has one of that name. */
void* loaded_function(const char* name);

/**
 * A function of the library at this path, which stays loaded until the process ends.
 * Fails with FLASH_INVALID_ARGUMENT, and the system's own words.
 */
Result<void*> load_function(const std::string& path, const char* name);

}  // namespace flash
