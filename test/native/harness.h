#pragma once

// A test harness in a page: a failed check ends its case, the others go on.

#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace flint {

struct TestCase {
    std::string name;
    std::function<void()> body;  // throws when it fails
};
using TestCases = std::vector<TestCase>;

/** Where the tests may write: a folder that is emptied before the first case and removed after the last. */
const std::string& scratch_folder();

/** Whether the command line leaves out a case or an architecture of this name: then nothing is made ready for it. */
bool is_excluded(const std::string& name);

[[noreturn]] inline void fail(const char* file, int line, const std::string& message) {
    std::ostringstream text;
    text << file << ":" << line << ": " << message;
    throw std::runtime_error(text.str());
}

template <typename A, typename B>
void check_equal(const A& actual, const B& expected, const char* expression, const char* file, int line) {
    if (actual == expected) return;
    std::ostringstream text;
    text << expression << " is " << actual << ", expected " << expected;
    fail(file, line, text.str());
}

}  // namespace flint

#define CHECK(condition)                                               \
    do {                                                               \
        if (!(condition)) flint::fail(__FILE__, __LINE__, #condition); \
    } while (false)
#define CHECK_EQUAL(actual, expected) flint::check_equal(actual, expected, #actual, __FILE__, __LINE__)
