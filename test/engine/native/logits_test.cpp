// Bit-identity: every logit of a model that is read from flash has the bits that stock llama.cpp computes from memory.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <thread>

#include "llama_runner.h"
#include "model_writer.h"
#include "split_model.h"
#include "tests.h"

namespace flint {
namespace {

struct Subject {
    std::string name;
    Shape shape;
};

Shape small(ggml_type type) {
    Shape shape;
    // Layers large enough that streaming saves more than its buffers take, in two bits a weight too.
    shape.layers = 4;
    shape.embedding = 512;
    shape.kv_heads = 2;
    shape.feed_forward = 1536;
    shape.type = type;
    shape.vocabulary_type = GGML_TYPE_Q8_0;
    shape.vocabulary = 2048;  // so that the layers are the larger part of the model
    shape.tied = true;
    return shape;
}

constexpr const char* kGuessed = "experts: guessed before they are chosen";
constexpr const char* kGuessedFirst = "experts: guessed from the embedding";
constexpr const char* kGuessedAgain = "experts: guessed again and again";
constexpr const char* kGuessedNext = "experts: guessed from the likeliest token";

constexpr int kMostRounds = 1000;

std::vector<Subject> subjects() {
    // Those that ggml can quantize to in a moment, of every family of kernels: plain, legacy, K, IQ, ternary, FP4.
    const ggml_type types[] = {
        GGML_TYPE_F32,    GGML_TYPE_F16,     GGML_TYPE_BF16,   GGML_TYPE_Q4_0,    GGML_TYPE_Q4_1,  GGML_TYPE_Q5_0,
        GGML_TYPE_Q5_1,   GGML_TYPE_Q8_0,    GGML_TYPE_Q2_K,   GGML_TYPE_Q3_K,    GGML_TYPE_Q4_K,  GGML_TYPE_Q5_K,
        GGML_TYPE_Q6_K,   GGML_TYPE_IQ2_XXS, GGML_TYPE_IQ2_XS, GGML_TYPE_IQ3_XXS, GGML_TYPE_IQ3_S, GGML_TYPE_IQ4_NL,
        GGML_TYPE_IQ4_XS, GGML_TYPE_MXFP4,   GGML_TYPE_TQ1_0,  GGML_TYPE_TQ2_0,
    };
    std::vector<Subject> all;
    for (const ggml_type type : types) all.push_back({ggml_type_name(type), small(type)});
    const auto add = [&](const char* name, ggml_type type, const std::function<void(Shape&)>& change) {
        Shape shape = small(type);
        change(shape);
        all.push_back({name, shape});
    };
    add("qwen2, biases", GGML_TYPE_Q8_0, [](Shape& shape) { shape.architecture = "qwen2"; });
    add("qwen3, normalized queries and keys", GGML_TYPE_Q6_K, [](Shape& shape) { shape.architecture = "qwen3"; });
    add("arcee, squared ReLU", GGML_TYPE_F16, [](Shape& shape) { shape.architecture = "arcee"; });
    add("jais2, squared ReLU of neurons with biases", GGML_TYPE_F16,
        [](Shape& shape) { shape.architecture = "jais2"; });
    add("plm, squared ReLU, latent attention", GGML_TYPE_F16, [](Shape& shape) {
        shape.architecture = "plm";
        shape.kv_heads = shape.heads;
    });
    add("mixture of experts", GGML_TYPE_Q4_K, [](Shape& shape) {
        shape.architecture = "qwen3moe";
        shape.experts = 8;
        shape.experts_used = 2;
    });
    const auto with_experts = [&](const char* name, ggml_type type, const char* architecture, uint32_t experts,
                                  uint32_t used, const std::function<void(Shape&)>& change) {
        add(name, type, [&](Shape& shape) {
            shape.architecture = architecture;
            shape.experts = experts;
            shape.experts_used = used;
            shape.feed_forward = 256;
            change(shape);
        });
    };
    const auto as_it_is = [](Shape&) {};
    with_experts("experts: 16 of 64", GGML_TYPE_Q8_0, "qwen3moe", 64, 16, as_it_is);
    with_experts("experts: a panel of IQ rows", GGML_TYPE_IQ2_XS, "qwen3moe", 64, 8, as_it_is);
    with_experts("experts: 1 of 512, F32", GGML_TYPE_F32, "qwen3moe", 512, 1, [](Shape& shape) {
        shape.layers = 2;
        shape.embedding = 128;
        shape.feed_forward = 64;
    });
    with_experts("experts: as Mixtral, in several parts", GGML_TYPE_F16, "llama", 4, 2, [](Shape& shape) {
        shape.layers = 2;
        shape.feed_forward = 3072;
    });
    // All layers' routers have nearly the same input, so what the next one chooses can be guessed.
    with_experts(kGuessed, GGML_TYPE_Q8_0, "qwen3moe", 64, 8, [](Shape& shape) {
        shape.layers = 8;
        shape.residual = 0;
    });
    // A single layer: there is none before it to guess from. Hardly any expert is used twice.
    with_experts(kGuessedFirst, GGML_TYPE_Q8_0, "qwen3moe", 512, 4, [](Shape& shape) {
        shape.layers = 1;
        shape.embedding = 128;
        shape.feed_forward = 128;
        shape.residual = 0;
    });
    // The same, with an output matrix in several tiles, by which another token follows.
    with_experts(kGuessedNext, GGML_TYPE_Q8_0, "qwen3moe", 512, 4, [](Shape& shape) {
        shape.layers = 1;
        shape.embedding = 128;
        shape.feed_forward = 128;
        shape.residual = 0;
        shape.tied = false;
        shape.vocabulary = 16384;
    });
    // The same: few and large, so that a guess wants what an earlier one has begun to read.
    with_experts(kGuessedAgain, GGML_TYPE_Q8_0, "qwen3moe", 32, 8, [](Shape& shape) {
        shape.layers = 1;
        shape.feed_forward = 2048;
        shape.residual = 0;
        shape.tied = false;
        shape.vocabulary = 8192;
    });
    // Few, so that of a long prompt each has many tokens.
    with_experts("experts: 2 of 4, Q4_0", GGML_TYPE_Q4_0, "qwen3moe", 4, 2, as_it_is);
    with_experts("experts: biases, clamped SwiGLU, MXFP4", GGML_TYPE_MXFP4, "gpt-oss", 32, 4,
                 [](Shape& shape) { shape.tied = false; });
    with_experts("experts: ReGLU, routed before attention", GGML_TYPE_Q4_0, "smallthinker", 32, 4, as_it_is);
    with_experts("experts: GeGLU", GGML_TYPE_IQ4_NL, "grok", 16, 2, as_it_is);
    with_experts("experts: squared ReLU without a gate, layers without attention", GGML_TYPE_Q5_K, "nemotron_h_moe", 32,
                 6, [](Shape& shape) { shape.shared_experts = 1; });
    with_experts("experts: shared ones, merged gate and up, a dense layer first", GGML_TYPE_Q6_K, "deepseek2-ocr", 16,
                 6, [](Shape& shape) {
                     shape.dense_layers = 1;
                     shape.shared_experts = 2;
                     shape.merged = true;
                     shape.kv_heads = shape.heads;
                 });
    // Kernels take rows in groups; here the last group is not full.
    add("odd number of rows", GGML_TYPE_F16, [](Shape& shape) { shape.feed_forward = 1539; });
    // Matrices of 50 MB, more than any buffer for reads: computed in tiles.
    add("tiles, F32", GGML_TYPE_F32, [](Shape& shape) {
        shape.layers = 1;
        shape.embedding = 1024;
        shape.feed_forward = 12204;
    });
    add("tiles, Q4_K", GGML_TYPE_Q4_K, [](Shape& shape) {
        shape.layers = 1;
        shape.embedding = 4096;
        shape.feed_forward = 16384;
    });
    return all;
}

Shape shape_of(const std::string& name) {
    const std::vector<Subject> all = subjects();
    const auto named = [&](const Subject& subject) { return subject.name == name; };
    return std::find_if(all.begin(), all.end(), named)->shape;
}

std::string path_of(const Subject& subject) { return scratch_folder() + "/" + subject.name + ".gguf"; }

/** Of types that llama.cpp lays out anew on some processors. */
std::vector<Subject> laid_out_subjects() {
    std::vector<Subject> some;
    for (const Subject& subject : subjects()) {
        for (const char* name : {"q4_0", "q4_K", "iq4_nl", "experts: 2 of 4, Q4_0"}) {
            if (subject.name == name) some.push_back(subject);
        }
    }
    return some;
}

/** Enough for rows to be laid out for them, and no multiple of what kernels take at once. */
constexpr uint32_t kLongPromptTokens = 203;

Run long_prompt(bool repack, std::optional<uint64_t> ram_cap) {
    Run run{repack, ram_cap};
    run.prompt = kLongPromptTokens;
    return run;
}

/** A downloaded model, where the environment names one. */
std::string real_model() {
    const char* path = std::getenv("FLINT_TEST_MODEL");
    return path == nullptr ? "" : path;
}

/** After a path: what stock llama.cpp says of a long prompt with its own layouts. */
constexpr const char* kLaidOut = ", laid out";

/** After a path: what it says when most tokens are the likeliest. */
constexpr const char* kLikeliest = ", likeliest tokens";
Run likeliest_tokens(std::optional<uint64_t> ram_cap) {
    Run run{false, ram_cap};
    run.single_tokens = 48;
    run.likeliest = 3;
    return run;
}

/** After a path: what it says of so few tokens that half of the experts are enough. */
constexpr const char* kFew = ", few tokens";
Run few_tokens(std::optional<uint64_t> ram_cap) {
    Run run{false, ram_cap};
    run.prompt = 1;
    run.single_tokens = 2;
    return run;
}

/** What stock llama.cpp says, by path. Computed for all at once: afterwards the flash backend is loaded. */
const std::map<std::string, Logits>& references() {
    static const std::map<std::string, Logits> all = [] {
        std::map<std::string, Logits> logits;
        for (const Subject& subject : subjects()) {
            const std::string path = path_of(subject);
            write_model(subject.shape, FLINT_VOCABULARY, path);
            logits[path] = evaluate(path, Run{});
        }
        for (const Subject& subject : laid_out_subjects()) {
            logits[path_of(subject) + kLaidOut] = evaluate(path_of(subject), long_prompt(true, {}));
        }
        for (const char* name : {kGuessed, kGuessedNext, kGuessedAgain}) {
            const std::string path = scratch_folder() + "/" + name + ".gguf";
            logits[path + kLikeliest] = evaluate(path, likeliest_tokens({}));
        }
        const std::string guessed = scratch_folder() + "/" + kGuessed + ".gguf";
        logits[guessed + kFew] = evaluate(guessed, few_tokens({}));
        if (!real_model().empty()) logits[real_model()] = evaluate(real_model(), Run{});
        return logits;
    }();
    return all;
}

void check_same_bits(const Logits& actual, const Logits& expected) {
    CHECK_EQUAL(actual.size(), expected.size());
    CHECK(std::all_of(expected.begin(), expected.end(), [](float logit) { return std::isfinite(logit); }));
    // Logits that are all alike would be equal whatever is computed.
    const auto [least, most] = std::minmax_element(expected.begin(), expected.end());
    CHECK(*most - *least > 1.0F);
    if (std::memcmp(actual.data(), expected.data(), expected.size() * sizeof(float)) == 0) return;
    size_t different = 0;
    size_t first = expected.size();
    float worst = 0;
    for (size_t i = 0; i < expected.size(); i++) {
        if (std::memcmp(&actual[i], &expected[i], sizeof(float)) == 0) continue;
        different++;
        first = std::min(first, i);
        worst = std::max(worst, std::abs(actual[i] - expected[i]));
    }
    throw std::runtime_error(std::to_string(different) + " of " + std::to_string(expected.size()) +
                             " logits differ, by up to " + std::to_string(worst) + ", from the " +
                             std::to_string(100 * first / expected.size()) + "th hundredth on");
}

/** Streams all that can be streamed, and compares. */
void compare(const std::string& path) {
    const Logits& expected = references().at(path);
    const flash_plan unlimited = plan(path, uint64_t{1} << 40);
    const flash_plan planned = plan(path, unlimited.minimum_cap_bytes);
    CHECK(planned.fits);
    flash_stats before{};
    flash().stats(&before);
    const Logits actual = evaluate(path, Run{false, unlimited.minimum_cap_bytes});
    flash_stats after{};
    flash().stats(&after);
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
    const std::string path = scratch_folder() + "/" + name + ".gguf";
    const Logits& expected = references().at(path);
    const flash_plan unlimited = plan(path, uint64_t{1} << 40);
    const uint64_t more = unlimited.whole_cap_bytes - unlimited.minimum_cap_bytes;
    const auto cap = unlimited.minimum_cap_bytes + static_cast<uint64_t>(static_cast<double>(more) * share_of_cap);
    flash_stats before{};
    flash().stats(&before);
    check_same_bits(evaluate(path, Run{false, cap}), expected);
    flash_stats after{};
    flash().stats(&after);
    CHECK(after.guessed_bytes > before.guessed_bytes);
    CHECK(after.guessed_bytes - before.guessed_bytes < after.read_bytes - before.read_bytes);
}

/**
 * Experts of the first layer are read while the token before it is still being found: of the likeliest so far, then of
 * the likeliest, which is not always the one that comes.
 */
void compare_guessed_tokens(const char* name) {
    const std::string path = scratch_folder() + "/" + name + ".gguf";
    const Logits& expected = references().at(path + kLikeliest);
    const flash_plan unlimited = plan(path, uint64_t{1} << 40);
    const uint64_t cap = (unlimited.minimum_cap_bytes + unlimited.whole_cap_bytes) / 2;
    CHECK(plan(path, cap).streamed_bytes == 0);  // its rows are seen before the matrix is done
    flash_stats before{};
    flash().stats(&before);
    check_same_bits(evaluate(path, likeliest_tokens(cap)), expected);
    flash_stats after{};
    flash().stats(&after);
    // At the end another token is expected, and does not come.
    CHECK(after.wasted_bytes > before.wasted_bytes);
    CHECK(after.wasted_bytes - before.wasted_bytes < after.guessed_bytes - before.guessed_bytes);
}

uint64_t warming_bytes() {
    flash_stats stats{};
    flash().stats(&stats);
    return stats.warming_bytes;
}

void wait_until_warm() {
    while (warming_bytes() > 0) std::this_thread::yield();
}

/** Of the model, with room for half of its experts; `loaded` is called before the first token. @return bytes of experts
 * read */
uint64_t read_by_few_tokens(
    const char* name, const std::function<void()>& loaded, const std::function<void()>& configured = [] {}) {
    const std::string path = scratch_folder() + "/" + name + ".gguf";
    const Logits& expected = references().at(path + kFew);
    const flash_plan unlimited = plan(path, uint64_t{1} << 40);
    Run run = few_tokens((unlimited.minimum_cap_bytes + unlimited.whole_cap_bytes) / 2);
    flash_stats before{};
    run.configured = configured;
    run.loaded = [&] {
        loaded();
        flash().stats(&before);
    };
    check_same_bits(evaluate(path, run), expected);
    flash_stats after{};
    flash().stats(&after);
    const uint64_t rows = (run.prompt + run.single_tokens) * ggml_row_size(GGML_TYPE_Q8_0, shape_of(name).embedding);
    return after.read_bytes - before.read_bytes - rows;
}

/** What was used most is read in the background. Who does not wait for that has the same bits, and reads nothing twice.
 */
void compare_warmed(const char* name) {
    const std::string memory = scratch_folder() + "/" + name + ".gguf.experts";
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
    const std::string path = scratch_folder() + "/" + name + ".gguf";
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
    const std::string path = scratch_folder() + "/" + name + ".gguf";
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
    const std::string path = scratch_folder() + "/" + name + ".gguf";
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
    served.ram_cap = plan(path_of(one), uint64_t{1} << 40).minimum_cap_bytes;
    Run whole;
    whole.ram_cap = uint64_t{1} << 40;
    flash_stats before{};
    {
        const LoadedModel beside(path_of(one), served);
        flash().stats(&before);
        check_same_bits(evaluate(path_of(other), whole), expected.at(path_of(other)));
    }
    flash_stats after{};
    flash().stats(&after);
    CHECK_EQUAL(after.used_bytes, before.used_bytes);
    const LoadedModel beside(path_of(other), whole);
    check_same_bits(evaluate(path_of(one), served), expected.at(path_of(one)));
}

}  // namespace

TestCases logits_tests() {
    TestCases tests;
    const std::string title = "logits from flash are those from memory: ";
    for (const Subject& subject : subjects()) {
        tests.push_back({title + subject.name, [subject] { compare(path_of(subject)); }});
    }
    for (const Subject& subject : subjects()) {
        // Without flash attention several tokens are not computed one by one.
        if (subject.shape.experts > 0 || subject.shape.architecture == "plm") continue;
        tests.push_back(
            {"guessed tokens, four at a time: " + subject.name, [subject] { compare_guessed(path_of(subject)); }});
    }
    for (const Subject& subject : laid_out_subjects()) {
        tests.push_back(
            {"rows laid out for a prompt: " + subject.name, [subject] { compare_laid_out(path_of(subject)); }});
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
