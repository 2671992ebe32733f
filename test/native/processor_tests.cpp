// flint-processor-tests [PART OF A SUBJECT'S NAME]...: what is promised of bits, on the CPU library that ggml takes
// from FLINT_CPU_LIBRARIES_FOLDER, or else on the best for this processor. A line for each case, then the count. In a
// process for each library: a backend that is loaded stays.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>

#include "harness.h"
#include "logits_references.h"
#include "model_tensors.h"
#include "products.h"

namespace flint {

const std::string& scratch_folder() {
    static const std::string folder = FLINT_SCRATCH_FOLDER + std::to_string(getpid());
    return folder;
}

bool is_excluded(const std::string&) { return false; }

namespace {

/** Those that some processor has other layouts for. */
constexpr ggml_type kTypesWithLayouts[] = {
    GGML_TYPE_F16,  GGML_TYPE_Q4_0, GGML_TYPE_Q4_1,   GGML_TYPE_Q8_0,   GGML_TYPE_Q2_K,  GGML_TYPE_Q4_K,
    GGML_TYPE_Q5_K, GGML_TYPE_Q6_K, GGML_TYPE_IQ4_NL, GGML_TYPE_IQ4_XS, GGML_TYPE_MXFP4,
};

/** What llama.cpp computes from memory, before the flash backend is loaded. */
struct Expected {
    Logits plain;      // a short prompt and single tokens, from rows as they are in the file
    Logits laid_out;   // a long prompt from its own layouts, and single tokens after it from the rows as they are
    Logits kept;       // a short prompt and single tokens, all from its own layouts
    Logits kept_long;  // the same of a long prompt
};

constexpr uint64_t kNoCap = uint64_t{1} << 40;

Expected expected_of(const Subject& subject) {
    const std::string path = path_of(subject.name);
    write_model(subject.shape, FLINT_VOCABULARY, path);
    return {evaluate(path, Run{}), evaluate_mixed(path, long_prompt(true, {})), evaluate(path, Run{true, {}}),
            evaluate(path, long_prompt(true, {}))};
}

uint64_t smallest_cap(const std::string& path) { return plan(path, uint64_t{1} << 40).minimum_cap_bytes; }

/** Whether a long prompt has the bits of llama.cpp's own layouts. */
bool has_bits_of_layouts(const Subject& subject) {
    // Of experts llama.cpp multiplies the tokens one by one, with a kernel of its own; we all that chose one expert at
    // once, and from plain rows if they are few. So the products are close (check_products), and of some kernels the
    // same.
    constexpr ggml_type kTypes[] = {GGML_TYPE_Q4_0, GGML_TYPE_Q2_K, GGML_TYPE_Q4_K, GGML_TYPE_IQ4_NL, GGML_TYPE_MXFP4};
    const bool has_layout = std::find(std::begin(kTypes), std::end(kTypes), subject.shape.type) != std::end(kTypes);
    return subject.shape.experts == 0 || !has_layout || subject.name == "experts: 2 of 4, Q4_0";
}

/** Whether llama.cpp keeps matrices of its layers: it lays those out for single tokens too. */
bool keeps_matrices(const Subject& subject) { return is_latent(subject.shape); }

void compare_long_prompt(const Subject& subject, const Logits& expected) {
    const std::string path = path_of(subject.name);
    const auto compared = [&](Logits logits) {
        if (keeps_matrices(subject))
            logits.resize(logits.size() / (kLongPromptTokens + kSingleTokens) * kLongPromptTokens);
        return logits;
    };
    // What llama.cpp keeps has its own layouts, as in the sidecar.
    check_same_bits(compared(evaluate(path, long_prompt(true, smallest_cap(path)))), compared(expected));
}

/** What llama.cpp keeps in its own layouts, our workers compute with the same kernels: a part of each tensor at a time.
 */
void compare_kept(const std::string& path, const Run& run, const Logits& expected) {
    const uint64_t before = stats_of_all().kept_bytes;
    check_same_bits(evaluate(path, run), expected);
    CHECK(stats_of_all().kept_bytes > before);
}

bool is_wanted(const std::string& name, const std::vector<std::string>& parts) {
    const auto has = [&](const std::string& part) { return name.find(part) != std::string::npos; };
    return parts.empty() || std::any_of(parts.begin(), parts.end(), has);
}

}  // namespace
}  // namespace flint

int main(int count, char** arguments) {
    using namespace flint;
    const std::vector<std::string> parts(arguments + 1, arguments + count);
    std::filesystem::create_directories(scratch_folder());
    int passed = 0;
    int failed = 0;
    const auto run = [&](const std::string& name, const std::function<void()>& body) {
        try {
            body();
            passed++;
            std::printf("ok      %s\n", name.c_str());
        } catch (const std::exception& error) {
            failed++;
            std::printf("FAILED  %s\n        %s\n", name.c_str(), error.what());
        }
        std::fflush(stdout);
    };
    std::vector<std::pair<Subject, Expected>> cases;
    for (const Subject& subject : subjects()) {
        if (is_wanted(subject.name, parts)) cases.emplace_back(subject, expected_of(subject));
    }
    for (const auto& prepared : cases) {
        const Subject& subject = prepared.first;
        const Expected& expected = prepared.second;
        const std::string path = path_of(subject.name);
        const Logits& plain = expected.plain;
        const Logits& laid_out = expected.laid_out;
        run("a short prompt and decoding: " + subject.name, [&] {
            check_same_bits(evaluate(path, Run{false, smallest_cap(path)}), plain);
        });
        run("all in memory, a short prompt and decoding: " + subject.name, [&] {
            compare_kept(path, Run{true, kNoCap}, expected.kept);
        });
        run("all in memory, a long prompt and decoding after it: " + subject.name,
            [&] { compare_kept(path, long_prompt(true, kNoCap), expected.kept_long); });
        if (!has_bits_of_layouts(subject)) continue;
        run("a long prompt and decoding after it: " + subject.name, [&] { compare_long_prompt(subject, laid_out); });
    }
    static_cast<void>(flint::flash());  // loads ggml's backends too
    for (const ggml_type type : kTypesWithLayouts) {
        for (const ggml_op op : {GGML_OP_MUL_MAT, GGML_OP_MUL_MAT_ID}) {
            const std::string name = std::string(ggml_type_name(type)) + (op == GGML_OP_MUL_MAT ? "" : ", experts");
            if (is_wanted(name, parts))
                run("products are as near as rounding allows: " + name, [&] { check_products(type, op); });
        }
    }
    std::filesystem::remove_all(scratch_folder());
    std::printf("%d passed, %d failed\n", passed, failed);
    // A filter that matches nothing is a mistake, not a success.
    return failed == 0 && passed > 0 ? 0 : 1;
}
