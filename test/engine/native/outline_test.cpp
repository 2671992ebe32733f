// What llama.cpp loads instead of a model's file.

#include "backend/outline.h"

#ifdef __linux__
#include <sys/stat.h>
#endif

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "model_writer.h"
#include "tests.h"

namespace flint {

#ifdef __linux__
namespace {

using flash::Model;
using flash::Outline;
using flash::Placement;
using flash::Plan;
using flash::Span;

std::vector<char> bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Model written(const std::string& name) {
    Shape shape;
    shape.layers = 4;
    shape.feed_forward = 1024;
    shape.vocabulary = 2048;
    const std::string path = scratch_folder() + "/" + name;
    write_model(shape, FLINT_VOCABULARY, path);
    auto model = flash::read_model(path);
    CHECK(static_cast<bool>(model));
    return std::move(*model);
}

Plan streaming(const Model& model) {
    return make_plan(model, {make_plan(model, {UINT64_MAX / 2, 256, 2}).minimum_cap, 256, 2});
}

std::unique_ptr<Outline> outline_of(const Model& model, const Plan& plan) {
    auto outline = Outline::create(model, plan);
    CHECK(static_cast<bool>(outline));
    return std::move(*outline);
}

void has_what_llama_keeps() {
    const Model model = written("outline.gguf");
    const Plan plan = streaming(model);
    CHECK(plan.resident_bytes > 0);
    const auto outline = outline_of(model, plan);
    CHECK(outline != nullptr);
    const std::vector<char> file = bytes_of(model.files.front());
    std::vector<char> expected(file.size());
    std::memcpy(expected.data(), file.data(), model.tensors.front().offset);
    for (size_t i = 0; i < model.tensors.size(); i++) {
        const flash::TensorInfo& tensor = model.tensors[i];
        if (plan.placement[i] == Placement::Resident)
            std::memcpy(expected.data() + tensor.offset, file.data() + tensor.offset, tensor.size);
    }
    CHECK(bytes_of(outline->path()) == expected);
    struct stat taken {};
    CHECK_EQUAL(stat(outline->path().c_str(), &taken), 0);
    // The header, the norms, and the pages around each.
    const uint64_t most = model.tensors.front().offset + plan.resident_bytes + (model.tensors.size() + 1) * 8192;
    CHECK(static_cast<uint64_t>(taken.st_blocks) * 512 <= most && most < file.size() / 2);
}

void reads_the_model() {
    const Model model = written("spans.gguf");
    const auto outline = outline_of(model, streaming(model));
    const std::vector<char> file = bytes_of(model.files.front());
    CHECK(file.size() > 3'300'000);
    // More than is in flight at once, and neighbours.
    const std::vector<Span> spans = {{17, 3'000'001}, {3'000'018, 5}, {4095, 2}};
    std::vector<char> read;
    const auto done = outline->read(spans, [&](const uint8_t* data, Span piece) {
        CHECK(std::memcmp(data, file.data() + piece.offset, piece.size) == 0);
        read.insert(read.end(), data, data + piece.size);
    });
    CHECK(static_cast<bool>(done));
    std::vector<char> expected;
    for (const Span& span : spans) {
        const auto begin = file.begin() + static_cast<std::ptrdiff_t>(span.offset);
        expected.insert(expected.end(), begin, begin + static_cast<std::ptrdiff_t>(span.size));
    }
    CHECK(read == expected);
    std::filesystem::resize_file(model.files.front(), 2'000'000);
    const auto cut = outline->read(spans, [](const uint8_t*, Span) {});
    CHECK(!cut && cut.error().message.find("the file ends before its data") != std::string::npos);
    const auto again = outline->read(
        {{0, 4096}}, [&](const uint8_t* data, Span piece) { CHECK(std::memcmp(data, file.data(), piece.size) == 0); });
    CHECK(static_cast<bool>(again));
}

void is_left_out() {
    Model model = written("whole.gguf");
    const Plan whole = make_plan(model, {UINT64_MAX / 2, 256, 2});
    CHECK(outline_of(model, whole) == nullptr);
    const Plan plan = streaming(model);
    model.files.push_back(model.files.front());
    CHECK(outline_of(model, plan) == nullptr);
}

}  // namespace

TestCases outline_tests() {
    return {
        {"outline: has the header and what llama.cpp keeps, and takes no more", has_what_llama_keeps},
        {"outline: reads spans of the model, or says why not", reads_the_model},
        {"outline: there is none of a model that is all llama.cpp's, or split", is_left_out},
    };
}
#else
TestCases outline_tests() { return {}; }
#endif

}  // namespace flint
