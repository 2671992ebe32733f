#include "platform/scheduling.h"

namespace flash {

void run_when_woken() {}

}  // namespace flash
