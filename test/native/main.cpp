// flint-native-tests [--list] [PART OF A NAME]... [-PART OF A NAME]...: runs the cases whose names have one of the
// parts, all without any, and none of those after a minus. One line a case, with what failed on the lines below,
// indented; then the count. With --list it prints their names, in the order in which they run, and runs none.

#include <algorithm>
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

constexpr char kIndent[] = "        ";

std::string indented(std::string text) {
    for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', end + 1)) {
        text.insert(end + 1, kIndent);
    }
    return kIndent + text;
}

/** Parts of the names of cases that are to run; with none, all of them. */
std::vector<std::string> wanted_parts;
std::vector<std::string> excluded_parts;

bool has_one(const std::string& name, const std::vector<std::string>& parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const std::string& part) { return name.find(part) != std::string::npos; });
}

bool is_wanted(const std::string& name) {
    return !is_excluded(name) && (wanted_parts.empty() || has_one(name, wanted_parts));
}

}  // namespace

bool is_excluded(const std::string& name) { return has_one(name, excluded_parts); }

}  // namespace flint

int main(int count, char** arguments) {
    const bool lists = count > 1 && std::string(arguments[1]) == "--list";
    for (int i = lists ? 2 : 1; i < count; i++) {
        if (arguments[i][0] == '-') {
            flint::excluded_parts.push_back(arguments[i] + 1);
        } else {
            flint::wanted_parts.push_back(arguments[i]);
        }
    }
    if (!lists) {
        std::filesystem::remove_all(flint::scratch_folder());
        std::filesystem::create_directories(flint::scratch_folder());
    }
    int passed = 0;
    int failed = 0;
    for (const auto tests :
         {flint::reader_tests, flint::plan_tests, flint::gpu_plan_tests, flint::experts_tests, flint::neurons_tests,
          flint::filling_tests, flint::header_tests, flint::store_tests, flint::skeleton_file_tests,
          flint::logits_tests, flint::api_tests, flint::speed_tests, flint::load_tests}) {
        for (const flint::TestCase& test : tests()) {
            if (!flint::is_wanted(test.name)) continue;
            if (lists) {
                std::printf("%s\n", test.name.c_str());
                continue;
            }
            try {
                test.body();
                passed++;
                std::printf("ok      %s\n", test.name.c_str());
            } catch (const std::exception& error) {
                failed++;
                std::printf("FAILED  %s\n%s\n", test.name.c_str(), flint::indented(error.what()).c_str());
            }
            std::fflush(stdout);
        }
    }
    if (lists) return 0;
    std::filesystem::remove_all(flint::scratch_folder());
    std::printf("%d passed, %d failed\n", passed, failed);
    // A filter that matches nothing is a mistake, not a success.
    return failed == 0 && passed > 0 ? 0 : 1;
}
