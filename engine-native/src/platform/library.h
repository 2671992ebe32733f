#pragma once

namespace flash {

/** A function of the loaded library that holds this one; null where there is none of that name. */
void* function_beside(void* known, const char* name);

}  // namespace flash
