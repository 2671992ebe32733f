#include "tests.h"

namespace flint {

TestCases api_tests() { return {}; }

}  // namespace flint
