// Bit-identity: every logit of a model that is read from flash has the bits that stock llama.cpp computes from memory.

#include <filesystem>
#include <functional>
#include <thread>

#include "logits_references.h"
#include "split_model.h"
#include "tests.h"

namespace flint {
namespace {

constexpr int kMostRounds = 1000;

/** Streams all that can be streamed, and compares. */
void compare(const std::string& path) {
    const Logits& expected = references().at(path);
    const flash_plan unlimited = plan(path, uint64_t{1} << 40);
    const flash_plan planned = plan(path, unlimited.minimum_cap_bytes);
    CHECK(planned.fits);
    const flash_stats before = stats_of_all();
    const Logits actual = evaluate(path, Run{false, unlimited.minimum_cap_bytes});
    const flash_stats after = stats_of_all();
    CHECK(planned.streamed_bytes + planned.expert_cache_bytes > 0);
    // One pass for the prompt and one for each token after it. What is read ahead for the next pass counts as well.
    const uint64_t passes = 1 + kSingleTokens;
    CHECK(after.used_bytes - before.used_bytes >= planned.streamed_bytes * passes);
    CHECK(after.read_bytes - before.read_bytes >= planned.streamed_bytes * passes);
    CHECK(after.reads > before.reads);
    check_same_bits(actual, expected);
}

/** Guessed tokens are checked several at a time: each must have the logits that it has alone. */
void compare_guessed(const std::string& path) {
    const Logits& expected = references().at(path);  // first: it writes the models
    Run run;
    run.ram_cap = plan(path, uint64_t{1} << 40).minimum_cap_bytes;
    run.guessed = 4;
    check_same_bits(evaluate(path, run), expected);
}

/** Experts are read before their layer's router has chosen them, once that has been right for some tokens. */
void compare_guessed_experts(const char* name, double share_of_cap) {
    const std::string path = path_of(name);
    const Logits& expected = references().at(path);
    const flash_plan unlimited = plan(path, uint64_t{1} << 40);
    const uint64_t more = unlimited.whole_cap_bytes - unlimited.minimum_cap_bytes;
    const auto cap = unlimited.minimum_cap_bytes + static_cast<uint64_t>(static_cast<double>(more) * share_of_cap);
    const flash_stats before = stats_of_all();
    check_same_bits(evaluate(path, Run{false, cap}), expected);
    const flash_stats after = stats_of_all();
    CHECK(after.guessed_bytes > before.guessed_bytes);
    CHECK(after.guessed_bytes - before.guessed_bytes < after.read_bytes - before.read_bytes);
}

/**
 * Experts of the first layer are read while the token before it is still being found: of the likeliest so far, then of
 * the likeliest, which is not always the one that comes.
 */
void compare_guessed_tokens(const char* name) {
    const std::string path = path_of(name);
    const Logits& expected = references().at(path + kLikeliest);
    const flash_plan unlimited = plan(path, uint64_t{1} << 40);
    const uint64_t cap = (unlimited.minimum_cap_bytes + unlimited.whole_cap_bytes) / 2;
    CHECK(plan(path, cap).streamed_bytes == 0);  // its rows are seen before the matrix is done
    const flash_stats before = stats_of_all();
    check_same_bits(evaluate(path, likeliest_tokens(cap)), expected);
    const flash_stats after = stats_of_all();
    // At the end another token is expected, and does not come.
    CHECK(after.wasted_bytes > before.wasted_bytes);
    CHECK(after.wasted_bytes - before.wasted_bytes < after.guessed_bytes - before.guessed_bytes);
}

uint64_t warming_bytes() { return stats_of_all().warming_bytes; }

void wait_until_warm() {
    while (warming_bytes() > 0) std::this_thread::yield();
}

/** Of the model, with room for half of its experts; `loaded` is called before the first token. @return bytes of experts
 * read */
uint64_t read_by_few_tokens(
    const char* name, const std::function<void()>& loaded, const std::function<void()>& opened = [] {}) {
    const std::string path = path_of(name);
    const Logits& expected = references().at(path + kFew);
    const flash_plan unlimited = plan(path, uint64_t{1} << 40);
    Run run = few_tokens((unlimited.minimum_cap_bytes + unlimited.whole_cap_bytes) / 2);
    flash_stats before{};
    run.opened = opened;
    run.loaded = [&] {
        loaded();
        before = stats_of_all();
    };
    check_same_bits(evaluate(path, run), expected);
    const flash_stats after = stats_of_all();
    const uint64_t rows = (run.prompt + run.single_tokens) * ggml_row_size(GGML_TYPE_Q8_0, shape_of(name).embedding);
    return after.read_bytes - before.read_bytes - rows;
}

/** What was used most is read in the background. Who does not wait for that has the same bits, and reads nothing twice.
 */
void compare_warmed(const char* name) {
    const std::string memory = path_of(name) + ".experts";
    const Shape shape = shape_of(name);
    static_cast<void>(references());  // writes the models
    std::filesystem::remove(memory);
    // Each token's choice of each layer, three matrices an expert.
    const Run few = few_tokens({});
    const uint64_t most = uint64_t{few.prompt + few.single_tokens} * shape.layers * shape.experts_used * 3 *
                          ggml_row_size(shape.type, shape.embedding) * shape.feed_forward;
    // Nothing is known of the experts yet, and not all have room.
    const uint64_t cold = read_by_few_tokens(name, [] {});
    CHECK(cold > 0 && cold <= most);
    CHECK(std::filesystem::exists(memory));
    CHECK_EQUAL(read_by_few_tokens(name, wait_until_warm), uint64_t{0});
    for (int round = 0; round < 20; round++) {
        CHECK_EQUAL(warming_bytes(), uint64_t{0});  // of a model that is gone
        const auto look = [&] {
            for (int i = 0; i < round; i++) static_cast<void>(warming_bytes());
        };
        CHECK(read_by_few_tokens(name, look) <= most);
    }
}

/** A model may go before it is warm. What it has learned of earlier sessions stays. */
void warming_ends_with_the_model(const char* name) {
    const std::string path = path_of(name);
    read_by_few_tokens(name, [] {});
    Run run;
    run.ram_cap = plan(path, uint64_t{1} << 40).whole_cap_bytes - 1;
    bool cut_short = false;
    for (int round = 0; !cut_short; round++) {
        CHECK(round < kMostRounds);
        const LoadedModel model(path, run);
        cut_short = warming_bytes() > 0;
    }
    CHECK_EQUAL(warming_bytes(), uint64_t{0});
    CHECK_EQUAL(read_by_few_tokens(name, wait_until_warm), uint64_t{0});
}

/** What could not be read in the background is read again when it is wanted. */
void warming_survives_failures(const char* name) {
    const std::string path = path_of(name);
    read_by_few_tokens(name, [] {});
    const std::string whole = path + ".whole";
    std::filesystem::copy_file(path, whole, std::filesystem::copy_options::overwrite_existing);
    // Of half of the last layer's experts.
    const auto cut = [&] { std::filesystem::resize_file(path, std::filesystem::file_size(path) - (4 << 20)); };
    const auto restore = [&] {
        wait_until_warm();
        std::filesystem::copy_file(whole, path, std::filesystem::copy_options::overwrite_existing);
    };
    const uint64_t read = read_by_few_tokens(name, restore, cut);
    CHECK(read > 0);
    CHECK_EQUAL(read_by_few_tokens(name, wait_until_warm), uint64_t{0});
}

/** A long prompt has the bits of stock llama.cpp with its own layouts. The tokens after it are computed without. */
void compare_laid_out(const std::string& path) {
    const auto of_prompt = [](Logits logits) {
        logits.resize(logits.size() / (kLongPromptTokens + kSingleTokens) * kLongPromptTokens);
        return logits;
    };
    const Logits& expected = references().at(path + kLaidOut);
    const uint64_t cap = plan(path, uint64_t{1} << 40).minimum_cap_bytes;
    check_same_bits(of_prompt(evaluate(path, long_prompt(false, cap))), of_prompt(expected));
}

/** Of a model in several files the weights are read from each, whoever keeps them. */
void compare_split(const char* name) {
    const std::string path = path_of(name);
    const Logits& expected = references().at(path);
    const std::string first = split_model(path, 3).front();
    const flash_plan unlimited = plan(first, uint64_t{1} << 40);
    for (const uint64_t cap : {unlimited.minimum_cap_bytes, unlimited.whole_cap_bytes - 1, unlimited.whole_cap_bytes}) {
        check_same_bits(evaluate(first, Run{false, cap}), expected);
    }
}

/** What is served and what llama.cpp keeps do not get into each other's way. */
void compare_side_by_side() {
    const auto& expected = references();
    const Subject one = subjects().front();
    const Subject other = subjects().back();
    Run served;
    served.ram_cap = plan(path_of(one.name), uint64_t{1} << 40).minimum_cap_bytes;
    Run whole;
    whole.ram_cap = uint64_t{1} << 40;
    flash_stats before{};
    {
        const LoadedModel beside(path_of(one.name), served);
        before = stats_of_all();
        check_same_bits(evaluate(path_of(other.name), whole), expected.at(path_of(other.name)));
    }
    const flash_stats after = stats_of_all();
    CHECK_EQUAL(after.used_bytes, before.used_bytes);
    const LoadedModel beside(path_of(other.name), whole);
    check_same_bits(evaluate(path_of(one.name), served), expected.at(path_of(one.name)));
}

}  // namespace

TestCases logits_tests() {
    TestCases tests;
    const std::string title = "logits from flash are those from memory: ";
    for (const Subject& subject : subjects()) {
        tests.push_back({title + subject.name, [subject] { compare(path_of(subject.name)); }});
    }
    for (const Subject& subject : subjects()) {
        // Without flash attention several tokens are not computed one by one.
        if (subject.shape.experts > 0 || subject.shape.architecture == "plm") continue;
        tests.push_back(
            {"guessed tokens, four at a time: " + subject.name, [subject] { compare_guessed(path_of(subject.name)); }});
    }
    for (const Subject& subject : laid_out_subjects()) {
        tests.push_back(
            {"rows laid out for a prompt: " + subject.name, [subject] { compare_laid_out(path_of(subject.name)); }});
    }
    tests.push_back(
        {"experts that are read before they are chosen change no bit", [] { compare_guessed_experts(kGuessed, 0.5); }});
    tests.push_back({"experts of the first layer that are read before they are chosen change no bit",
                     [] { compare_guessed_experts(kGuessedFirst, 0); }});
    tests.push_back({"experts of the next token that are read before it is known change no bit: 4 of 512",
                     [] { compare_guessed_tokens(kGuessedNext); }});
    tests.push_back({"experts of the next token that are read before it is known change no bit: 8 of 64",
                     [] { compare_guessed_tokens(kGuessed); }});
    tests.push_back({"experts of the next token that are read before it is known change no bit: 8 of 32",
                     [] { compare_guessed_tokens(kGuessedAgain); }});
    tests.push_back({"experts that are read in the background change no bit", [] { compare_warmed(kGuessed); }});
    tests.push_back(
        {"reading experts in the background ends with the model", [] { warming_ends_with_the_model(kGuessed); }});
    tests.push_back({"experts that could not be read in the background are read when they are wanted",
                     [] { warming_survives_failures(kGuessed); }});
    tests.push_back({"a split model has the bits of the whole: q4_0", [] { compare_split("q4_0"); }});
    tests.push_back(
        {"a split model has the bits of the whole: mixture of experts", [] { compare_split("mixture of experts"); }});
    tests.push_back({"a model in memory beside one that is served", compare_side_by_side});
    if (!real_model().empty()) tests.push_back({title + real_model(), [] { compare(real_model()); }});
    return tests;
}

}  // namespace flint
