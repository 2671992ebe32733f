#include "tests.h"

namespace flint {

TestCases plan_tests() { return {}; }

}  // namespace flint
