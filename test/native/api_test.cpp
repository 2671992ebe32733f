// The C interface, and a loaded model whose reads are stopped or fail.

#include <array>
#include <cstring>
#include <filesystem>

#include "llama_runner.h"
#include "model_writer.h"
#include "tests.h"

namespace flint {
namespace {

using Message = std::array<char, 256>;

/** What the same must hold of. */
enum class Kind : uint8_t { Dense, Experts };

std::string write_small_model(const std::string& name, Kind kind = Kind::Dense, uint32_t embedding = 256) {
    Shape shape;
    shape.embedding = embedding;
    if (kind == Kind::Experts) {
        shape.architecture = "qwen3moe";
        shape.experts = 64;
        shape.experts_used = 4;
    }
    shape.layers = 4;
    shape.feed_forward = kind == Kind::Dense ? 1024 : 128;
    shape.vocabulary = 2048;
    shape.tied = true;
    const std::string path = scratch_folder() + "/" + name;
    write_model(shape, FLINT_VOCABULARY, path);
    return path;
}

flash_plan_request request_for(const char* path, uint64_t ram_cap) {
    flash_plan_request request{};
    request.model_path = path;
    request.ram_cap_bytes = ram_cap;
    request.context_tokens = kContextTokens;
    request.threads = kThreads;
    return request;
}

flash_status open(const flash_plan_request& request, Message& message) {
    flash_plan planned{};
    flash_model* model = nullptr;
    const flash_status status = flash().open(&request, &model, &planned, message.data(), message.size());
    CHECK_EQUAL(model != nullptr, status == FLASH_OK);
    if (model != nullptr) flash().close(model);
    return status;
}

void check_refused(const flash_plan_request& request, flash_status expected, const std::string& words) {
    Message message{};
    flash_plan planned{};
    CHECK_EQUAL(flash().plan(&request, &planned, message.data(), message.size()), expected);
    CHECK(std::string(message.data()).find(words) != std::string::npos);
    message = {};
    CHECK_EQUAL(open(request, message), expected);
    CHECK(std::string(message.data()).find(words) != std::string::npos);
}

void refuses() {
    const std::string missing = scratch_folder() + "/missing.gguf";
    check_refused(request_for(missing.c_str(), uint64_t{1} << 30), FLASH_NOT_A_MODEL, missing);
    check_refused(request_for(nullptr, uint64_t{1} << 30), FLASH_INVALID_ARGUMENT, "model");
    const std::string model = write_small_model("refuses.gguf");
    check_refused(request_for(model.c_str(), 0), FLASH_INVALID_ARGUMENT, "cap");

    Message message{};
    flash_plan planned{};
    const flash_plan_request small = request_for(model.c_str(), 1 << 20);
    CHECK_EQUAL(flash().plan(&small, &planned, message.data(), message.size()), FLASH_OK);
    CHECK(!planned.fits && planned.minimum_cap_bytes > small.ram_cap_bytes);
    CHECK_EQUAL(open(small, message), FLASH_INVALID_ARGUMENT);
}

void keeps_to_the_buffer() {
    const std::string missing = scratch_folder() + "/missing.gguf";
    const flash_plan_request request = request_for(missing.c_str(), uint64_t{1} << 30);
    Message message;
    message.fill('x');
    flash_plan planned{};
    CHECK_EQUAL(flash().plan(&request, &planned, message.data(), 8), FLASH_NOT_A_MODEL);
    CHECK_EQUAL(std::strlen(message.data()), size_t{7});
    CHECK_EQUAL(message[8], 'x');
}

/** A model of which everything that can be is on flash. */
LoadedModel load_streaming(const std::string& path) {
    return LoadedModel(path, Run{false, plan(path, uint64_t{1} << 40).minimum_cap_bytes});
}

void stops_and_goes_on(Kind kind) {
    LoadedModel model = load_streaming(write_small_model("stops.gguf", kind));
    const std::vector<int32_t> prompt = {1, 100, 200, 300};
    Logits expected;
    CHECK_EQUAL(model.decode(prompt, expected), 0);

    Logits stopped;
    flash().set_abort(model.opened(), true);
    model.clear();
    CHECK(model.decode(prompt, stopped) != 0);
    CHECK(stopped.empty());
    flash().set_abort(model.opened(), false);
    Message message{};
    CHECK(!flash().take_error(model.opened(), message.data(), message.size()));  // to be stopped is no failure

    for (int i = 0; i < 2; i++) {
        Logits again;
        model.clear();
        CHECK_EQUAL(model.decode(prompt, again), 0);
        CHECK_EQUAL(again.size(), expected.size());
        CHECK(std::memcmp(again.data(), expected.data(), expected.size() * sizeof(float)) == 0);
    }
}

void tells_of_a_file_that_shrank(Kind kind) {
    const std::string path = write_small_model("shrinks.gguf", kind);
    LoadedModel model = load_streaming(path);
    Logits logits;
    CHECK_EQUAL(model.decode({1, 100, 200}, logits), 0);
    std::filesystem::resize_file(path, 4096);
    // What was read ahead is still good: it takes a pass or two to miss the rest.
    int32_t status = 0;
    for (int i = 0; i < 4 && status == 0; i++) status = model.decode({5}, logits);
    CHECK(status != 0);
    Message message{};
    CHECK(flash().take_error(model.opened(), message.data(), message.size()));
    CHECK(std::string(message.data()).find(path) != std::string::npos);
    CHECK(!flash().take_error(model.opened(), message.data(), message.size()));
}

void tells_of_a_file_that_shrank_while_it_was_loaded(Kind kind) {
    const std::string path = write_small_model("loading.gguf", kind);
    Run run;
    run.ram_cap = plan(path, uint64_t{1} << 40).whole_cap_bytes - 1;
    CHECK(plan(path, *run.ram_cap).pinned_bytes + plan(path, *run.ram_cap).expert_cache_bytes > 0);
    run.opened = [&] { std::filesystem::resize_file(path, 4096); };
    const LoadedModel model(path, run);
    Message message{};
    CHECK(flash().take_error(model.opened(), message.data(), message.size()));
    CHECK(std::string(message.data()).find(path) != std::string::npos);
}

void serves_two_models(Kind kind) {
    const std::string first = write_small_model("first.gguf", kind);
    LoadedModel one = load_streaming(first);
    Logits expected;
    CHECK_EQUAL(one.decode({1, 2, 3}, expected), 0);
    {
        LoadedModel two = load_streaming(first);
        Logits same;
        CHECK_EQUAL(two.decode({1, 2, 3}, same), 0);
        CHECK(same == expected);
    }
    one.clear();
    Logits again;
    CHECK_EQUAL(one.decode({1, 2, 3}, again), 0);
    CHECK(again == expected);
}

/** Of two models each is stopped, counted and asked for its errors by itself. */
void keeps_two_models_apart(Kind kind) {
    const std::string path = write_small_model("apart.gguf", kind);
    LoadedModel one = load_streaming(write_small_model("stays.gguf", kind));
    LoadedModel two = load_streaming(path);
    const auto read_bytes = [](const LoadedModel& model) {
        flash_stats stats{};
        flash().stats(model.opened(), &stats);
        return stats.read_bytes;
    };
    Logits expected;
    CHECK_EQUAL(one.decode({1, 2, 3}, expected), 0);
    const uint64_t before = read_bytes(one);
    Logits same;
    CHECK_EQUAL(two.decode({1, 2, 3}, same), 0);
    CHECK(same == expected);
    CHECK(read_bytes(two) > 0);
    CHECK_EQUAL(read_bytes(one), before);

    flash().set_abort(two.opened(), true);
    Logits none;
    CHECK(two.decode({4}, none) != 0);
    CHECK_EQUAL(one.decode({4}, none), 0);
    flash().set_abort(two.opened(), false);

    std::filesystem::resize_file(path, 4096);
    int32_t status = 0;
    for (int i = 0; i < 4 && status == 0; i++) status = two.decode({5}, none);
    CHECK(status != 0);
    Message message{};
    CHECK(!flash().take_error(one.opened(), message.data(), message.size()));
    CHECK(flash().take_error(two.opened(), message.data(), message.size()));
    one.clear();
    Logits again;
    CHECK_EQUAL(one.decode({1, 2, 3}, again), 0);
    CHECK(again == expected);
}

/** llama.cpp does not tell whose weights it loads: so it is one model's at a time, and another's are not mistaken. */
void loads_one_at_a_time() {
    const std::string path = write_small_model("one.gguf");
    flash_plan_request request = request_for(path.c_str(), plan(path, uint64_t{1} << 40).minimum_cap_bytes);
    const flash::OpenedModel first(flash(), request);
    const flash::OpenedModel second(flash(), request);
    Message message{};
    {
        const flash::OpenedModel::Loading loading(first);
        CHECK_EQUAL(flash().begin_load(second.get(), message.data(), message.size()), FLASH_INVALID_STATE);
        CHECK(std::string(message.data()).find("another model") != std::string::npos);
        CHECK_EQUAL(flash().begin_load(first.get(), message.data(), message.size()), FLASH_OK);
        // The end of another one's load, and of another one, ends nothing.
        flash().end_load(second.get());
        CHECK_EQUAL(flash().begin_load(second.get(), message.data(), message.size()), FLASH_INVALID_STATE);
    }
    CHECK_EQUAL(flash().begin_load(second.get(), message.data(), message.size()), FLASH_OK);
    flash().end_load(second.get());
}

/** Weights of the same names and other shapes, which llama.cpp loads meanwhile, are its own. */
void serves_no_other_model() {
    const std::string path = write_small_model("declared.gguf");
    const std::string other = write_small_model("other.gguf", Kind::Dense, 512);
    flash_plan_request request = request_for(path.c_str(), plan(path, uint64_t{1} << 40).minimum_cap_bytes);
    const flash::OpenedModel declared(flash(), request);
    Logits expected;
    Run run;
    run.ram_cap = uint64_t{1} << 40;
    {
        LoadedModel whole(other, run);
        CHECK_EQUAL(whole.decode({1, 2, 3}, expected), 0);
    }
    run.declared = &declared;
    LoadedModel model(other, run);
    Logits actual;
    CHECK_EQUAL(model.decode({1, 2, 3}, actual), 0);
    CHECK(actual == expected);
}

/** A prompt that uses most experts of each layer reads many; what decoding has gathered stays. */
void prompt_leaves_experts_alone() {
    const std::string path = write_small_model("prompt.gguf", Kind::Experts);
    const flash_plan least = plan(path, plan(path, uint64_t{1} << 40).minimum_cap_bytes);
    // Half of the experts and all else in memory: F16, 64 experts in 4 layers, three matrices of 256 x 128.
    const uint64_t experts = uint64_t{4} * 64 * 3 * 256 * 128 * 2;
    const uint64_t cap = least.minimum_cap_bytes + least.streamed_bytes + experts / 2;
    CHECK_EQUAL(plan(path, cap).streamed_bytes, uint64_t{0});
    CHECK(plan(path, cap).expert_cache_bytes < experts * 3 / 4);
    LoadedModel model(path, Run{false, cap});
    const auto reads_of = [&](const std::vector<std::vector<int32_t>>& batches) {
        flash_stats before{};
        flash().stats(model.opened(), &before);
        Logits logits;
        for (const auto& batch : batches) CHECK_EQUAL(model.decode(batch, logits), 0);
        model.clear();
        flash_stats after{};
        flash().stats(model.opened(), &after);
        return after.reads - before.reads;
    };
    const std::vector<std::vector<int32_t>> answer = {{11}, {22}, {33}, {44}};
    std::vector<int32_t> prompt;
    for (int32_t token = 100; token < 140; token++) prompt.push_back(token);
    reads_of(answer);
    const uint64_t rows = reads_of(answer);  // of the embedding: no expert is missing
    CHECK(rows <= answer.size());
    CHECK(reads_of({prompt}) > 2 * prompt.size());
    CHECK_EQUAL(reads_of(answer), rows);
    // However often prompts use what they have found room for.
    reads_of({prompt, prompt, prompt});
    CHECK_EQUAL(reads_of(answer), rows);
}

}  // namespace

TestCases api_tests() {
    return {
        {"api: refuses what cannot be planned, in words", refuses},
        {"api: keeps to the buffer for messages", keeps_to_the_buffer},
        {"api: a computation that is stopped leaves no trace", [] { stops_and_goes_on(Kind::Dense); }},
        {"api: a computation of experts that is stopped leaves no trace", [] { stops_and_goes_on(Kind::Experts); }},
        {"api: tells of a file that shrank under a loaded model, once",
         [] { tells_of_a_file_that_shrank(Kind::Dense); }},
        {"api: tells of experts that are no longer in the file, once",
         [] { tells_of_a_file_that_shrank(Kind::Experts); }},
        {"api: tells of a file that shrank while it was loaded",
         [] { tells_of_a_file_that_shrank_while_it_was_loaded(Kind::Dense); }},
        {"api: tells of experts that went while they were loaded",
         [] { tells_of_a_file_that_shrank_while_it_was_loaded(Kind::Experts); }},
        {"api: two models are served side by side", [] { serves_two_models(Kind::Dense); }},
        {"api: two models with experts are served side by side", [] { serves_two_models(Kind::Experts); }},
        {"api: two models are kept apart", [] { keeps_two_models_apart(Kind::Dense); }},
        {"api: two models with experts are kept apart", [] { keeps_two_models_apart(Kind::Experts); }},
        {"api: one model is loaded at a time", loads_one_at_a_time},
        {"api: another model's weights are not mistaken for those of the one that is loaded", serves_no_other_model},
        {"api: a prompt leaves the experts of an answer alone", prompt_leaves_experts_alone},
    };
}

}  // namespace flint
