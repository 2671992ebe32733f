#pragma once

#include "flash.h"

namespace flash {

/** The C interface, for ggml_backend_reg_get_proc_address. */
const flash_api* api();

}  // namespace flash
