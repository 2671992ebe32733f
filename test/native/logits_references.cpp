#include "logits_references.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "harness.h"

namespace flint {
namespace {

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

}  // namespace

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

std::string path_of(const std::string& name) { return scratch_folder() + "/" + name + ".gguf"; }

std::vector<Subject> laid_out_subjects() {
    std::vector<Subject> some;
    for (const Subject& subject : subjects()) {
        for (const char* name : {"q4_0", "q4_K", "iq4_nl", "experts: 2 of 4, Q4_0"}) {
            if (subject.name == name) some.push_back(subject);
        }
    }
    return some;
}

Run long_prompt(bool repack, std::optional<uint64_t> ram_cap) {
    Run run{repack, ram_cap};
    run.prompt = kLongPromptTokens;
    return run;
}

std::string real_model() {
    const char* path = std::getenv("FLINT_TEST_MODEL");
    return path == nullptr ? "" : path;
}

Run likeliest_tokens(std::optional<uint64_t> ram_cap) {
    Run run{false, ram_cap};
    run.single_tokens = 48;
    run.likeliest = 3;
    return run;
}

Run few_tokens(std::optional<uint64_t> ram_cap) {
    Run run{false, ram_cap};
    run.prompt = 1;
    run.single_tokens = 2;
    return run;
}

const std::map<std::string, Logits>& references() {
    static const std::map<std::string, Logits> all = [] {
        std::map<std::string, Logits> logits;
        for (const Subject& subject : subjects()) {
            if (is_excluded(subject.shape.architecture)) continue;
            const std::string path = path_of(subject.name);
            write_model(subject.shape, FLINT_VOCABULARY, path);
            logits[path] = evaluate(path, Run{});
        }
        for (const Subject& subject : laid_out_subjects()) {
            logits[path_of(subject.name) + kLaidOut] = evaluate(path_of(subject.name), long_prompt(true, {}));
        }
        for (const char* name : {kGuessed, kGuessedNext, kGuessedAgain}) {
            logits[path_of(name) + kLikeliest] = evaluate(path_of(name), likeliest_tokens({}));
        }
        logits[path_of(kGuessed) + kFew] = evaluate(path_of(kGuessed), few_tokens({}));
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

}  // namespace flint
