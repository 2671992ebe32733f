// flint-native-tests [PART OF A NAME]... [-PART OF A NAME]...: runs the cases whose names have one of the parts, all
// without any, and none of those after a minus. One line a case, then the count.

#include <cstdio>
#include <exception>
#include <filesystem>

#include "tests.h"

namespace flint {

const std::string& scratch_folder() {
    static const std::string folder = FLINT_SCRATCH_FOLDER;
    return folder;
}

namespace {

bool is_wanted(const std::string& name, const std::vector<std::string>& parts) {
    bool any = false;
    bool named = false;
    for (const std::string& part : parts) {
        const bool excludes = part[0] == '-';
        const bool has = name.find(part.substr(excludes ? 1 : 0)) != std::string::npos;
        if (excludes && has) return false;
        any = any || !excludes;
        named = named || (!excludes && has);
    }
    return named || !any;
}

}  // namespace
}  // namespace flint

int main(int count, char** arguments) {
    const std::vector<std::string> parts(arguments + 1, arguments + count);
    std::filesystem::remove_all(flint::scratch_folder());
    std::filesystem::create_directories(flint::scratch_folder());
    int passed = 0;
    int failed = 0;
    for (const auto tests :
         {flint::reader_tests, flint::plan_tests, flint::experts_tests, flint::neurons_tests, flint::filling_tests,
          flint::header_tests, flint::store_tests, flint::outline_tests, flint::logits_tests, flint::api_tests}) {
        for (const flint::TestCase& test : tests()) {
            if (!flint::is_wanted(test.name, parts)) continue;
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
