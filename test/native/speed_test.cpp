// What the estimate of a model's speed is made of. No case depends on how fast this machine is.

#include "compute/speed.h"

#include <cmath>

#include "compute/product_speed.h"
#include "llama_runner.h"
#include "model_writer.h"
#include "tests.h"

namespace flint {
namespace {

using ::flash::MatrixKind;
using ::flash::Model;
using ::flash::Plan;

constexpr uint64_t kUnlimited = uint64_t{1} << 40;

std::string write_model_of(const std::string& name, ggml_type type, uint32_t experts = 0) {
    Shape shape;
    if (experts > 0) {
        shape.architecture = "qwen3moe";
        shape.experts = experts;
        shape.experts_used = experts / 4;
    }
    shape.vocabulary = 2048;
    // So large, also with 4 bits a weight, that the smallest cap has no room for all of it.
    if (experts == 0) shape.feed_forward *= 8;
    shape.type = type;
    const std::string path = scratch_folder() + "/" + name;
    write_model(shape, FLINT_VOCABULARY, path);
    return path;
}

/** All matrices are in one kind, and a token uses of experts the share that its router chooses. */
void kinds_cover_a_model() {
    for (const uint32_t experts : {0U, 16U}) {
        const auto model = ::flash::read_model(write_model_of("kinds.gguf", GGML_TYPE_F16, experts));
        CHECK(model);
        double used = 0;
        for (const auto& tensor : model->tensors) {
            if (tensor.use != ::flash::Use::Multiply || tensor.ne[1] < 2) continue;
            used += static_cast<double>(tensor.size) * (tensor.ne[2] > 1 ? 0.25 : 1.0);
        }
        double sum = 0;
        double before = used;
        for (const MatrixKind& kind : ::flash::matrix_kinds(*model)) {
            CHECK(kind.used_bytes > 0 && kind.used_bytes <= before);
            CHECK_EQUAL(kind.matrix.ne[2], 1);
            before = kind.used_bytes;
            sum += kind.used_bytes;
        }
        CHECK(std::abs(sum - used) < 1);
        // Vectors are used too, and are next to nothing.
        CHECK(::flash::used_bytes_per_token(*model) >= used);
        CHECK(::flash::used_bytes_per_token(*model) < 1.05 * used);
    }
}

/** Measuring comes before a model is loaded, and keeps to the same cap. */
void keeps_to_the_cap() {
    const auto model = ::flash::read_model(write_model_of("room.gguf", GGML_TYPE_F16));
    CHECK(model);
    const uint64_t least = ::flash::make_plan(*model, {kUnlimited, kContextTokens, kThreads}).minimum_cap;
    for (const uint64_t more : {uint64_t{0}, uint64_t{1} << 20, uint64_t{64} << 20, uint64_t{1} << 30}) {
        const Plan plan = ::flash::make_plan(*model, {least + more, kContextTokens, kThreads});
        const uint64_t without_model = ::flash::process_bytes(*model) - ::flash::vocabulary_bytes(*model);
        CHECK(without_model + ::flash::measuring_room(*model, plan) <= least + more);
    }
}

void measures(ggml_type type, uint32_t experts, uint32_t threads) {
    flash();  // loads ggml's CPU backend
    const std::string path = write_model_of("measured.gguf", type, experts);
    const auto model = ::flash::read_model(path);
    CHECK(model);
    const Plan whole = ::flash::make_plan(*model, {kUnlimited, kContextTokens, threads});
    const Plan streamed = ::flash::make_plan(*model, {whole.minimum_cap, kContextTokens, threads});
    CHECK(streamed.streamed_bytes > 0 || streamed.expert_pool_bytes > 0);
    for (const Plan& plan : {whole, streamed}) {
        const auto speed = ::flash::measure_speed(*model, plan, threads, 1);
        CHECK(speed);
        for (const double each : {speed->disk, speed->compute, speed->check}) CHECK(std::isfinite(each) && each > 0);
    }
    CHECK_EQUAL(::flash::read_bytes_per_token(*model, whole), 0.0);
    CHECK(::flash::read_bytes_per_token(*model, streamed) >= static_cast<double>(streamed.streamed_bytes));
}

void knows_nothing_of_a_model_without_matrices() {
    flash();
    Model model;
    const auto token = ::flash::measure_token(model, Plan{}, 1);
    CHECK(token);
    CHECK_EQUAL(token->first, 0.0);
    CHECK_EQUAL(token->next, 0.0);
}

}  // namespace

TestCases speed_tests() {
    return {
        {"speed: the kinds of matrices cover a model", kinds_cover_a_model},
        {"speed: measuring keeps to the cap", keeps_to_the_cap},
        {"speed: is measured of weights as in the file and as llama.cpp keeps them: F16",
         [] { measures(GGML_TYPE_F16, 0, 1); }},
        {"speed: is measured of weights as in the file and as llama.cpp keeps them: Q4_K",
         [] { measures(GGML_TYPE_Q4_K, 0, 3); }},
        {"speed: is measured of experts", [] { measures(GGML_TYPE_Q8_0, 16, 2); }},
        {"speed: of a model without matrices nothing is known", knows_nothing_of_a_model_without_matrices},
    };
}

}  // namespace flint
