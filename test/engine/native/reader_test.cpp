#include "tests.h"

namespace flint {

TestCases reader_tests() { return {}; }

}  // namespace flint
