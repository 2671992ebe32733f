#pragma once

#include "harness.h"

namespace flint {

// The cases of each file, in the order in which they must run.

/** Stock llama.cpp comes first in the life of the process: a backend that is loaded stays. */
TestCases logits_tests();
TestCases api_tests();
TestCases skeleton_file_tests();
TestCases experts_tests();
TestCases neurons_tests();
TestCases filling_tests();
TestCases header_tests();
TestCases store_tests();
TestCases plan_tests();
TestCases gpu_plan_tests();
TestCases speed_tests();
TestCases load_tests();
TestCases reader_tests();

}  // namespace flint
