// flint-native-tests [PART OF A NAME]: runs the cases whose names have it, all without. One line a case, then the
// count.

#include <cstdio>
#include <exception>
#include <filesystem>

#include "tests.h"

namespace flint {

const std::string& scratch_folder() {
    static const std::string folder = FLINT_SCRATCH_FOLDER;
    return folder;
}

}  // namespace flint

int main(int count, char** arguments) {
    const std::string filter = count > 1 ? arguments[1] : "";
    std::filesystem::remove_all(flint::scratch_folder());
    std::filesystem::create_directories(flint::scratch_folder());
    int passed = 0;
    int failed = 0;
    for (const auto tests : {flint::reader_tests, flint::plan_tests, flint::experts_tests, flint::neurons_tests,
                             flint::store_tests, flint::logits_tests, flint::api_tests}) {
        for (const flint::TestCase& test : tests()) {
            if (test.name.find(filter) == std::string::npos) continue;
            try {
                test.body();
                passed++;
                std::printf("ok      %s\n", test.name.c_str());
            } catch (const std::exception& error) {
                failed++;
                std::printf("FAILED  %s\n        %s\n", test.name.c_str(), error.what());
            }
            std::fflush(stdout);
        }
    }
    std::filesystem::remove_all(flint::scratch_folder());
    std::printf("%d passed, %d failed\n", passed, failed);
    // A filter that matches nothing is a mistake, not a success.
    return failed == 0 && passed > 0 ? 0 : 1;
}
