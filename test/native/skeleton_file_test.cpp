// What llama.cpp loads instead of a model's file.

#include "backend/skeleton_file.h"

#ifndef _WIN32
#include <sys/stat.h>
#endif

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "gguf.h"
#include "gguf/header.h"
#include "model_writer.h"
#include "split_model.h"
#include "tests.h"

namespace flint {

namespace {

using flash::Model;
using flash::Placement;
using flash::Plan;
using flash::SkeletonFile;
using flash::Span;

std::vector<char> bytes_of(const std::string& path) {
    std::ifstream file(flash::native_path(path), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<SkeletonFile::Source> of_first_file(const std::vector<Span>& spans) {
    std::vector<SkeletonFile::Source> sources;
    for (const Span& span : spans) sources.push_back({0, span});
    return sources;
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

std::unique_ptr<SkeletonFile> skeleton_of(const Model& model, const Plan& plan) {
    auto skeleton = SkeletonFile::create(model, plan);
    CHECK(static_cast<bool>(skeleton));
    return std::move(*skeleton);
}

void has_what_llama_keeps() {
    const Model model = written("skeleton.gguf");
    const Plan plan = streaming(model);
    CHECK(plan.resident_bytes > 0);
    const auto skeleton = skeleton_of(model, plan);
    CHECK(skeleton != nullptr);
    const std::vector<char> file = bytes_of(model.files.front());
    std::vector<char> expected(file.size());
    std::memcpy(expected.data(), file.data(), model.tensors.front().offset);
    for (size_t i = 0; i < model.tensors.size(); i++) {
        const flash::TensorInfo& tensor = model.tensors[i];
        if (plan.placement[i] == Placement::Resident)
            std::memcpy(expected.data() + tensor.offset, file.data() + tensor.offset, tensor.size);
    }
    CHECK(bytes_of(skeleton->path()) == expected);
    // The header, the norms, and the pages around each. On Windows there is no telling that does not depend on its
    // disk.
#ifndef _WIN32
    struct stat taken {};
    CHECK_EQUAL(stat(skeleton->path().c_str(), &taken), 0);
    const uint64_t most = model.tensors.front().offset + plan.resident_bytes + (model.tensors.size() + 1) * 8192;
    CHECK(static_cast<uint64_t>(taken.st_blocks) * 512 <= most && most < file.size() / 2);
#endif
}

/** Where there are no files in memory. */
void is_removed_from_the_disk() {
    const auto exists = [](const std::string& path) { return std::filesystem::exists(flash::native_path(path)); };
    auto file = flash::SparseFile::create_temporary();
    CHECK(file != nullptr);
    const std::string path = file->path();
    constexpr uint64_t kBytes = (5ULL << 30) + 3;
    std::fputs("here", file->stream());
    CHECK(std::fflush(file->stream()) == 0 && flash::resize_file(file->stream(), kBytes));
    CHECK_EQUAL(std::filesystem::file_size(flash::native_path(path)), kBytes);
    // What a process left that was killed; what this one has open is not taken for that.
    const std::string abandoned = path + "-abandoned";
    CHECK(flash::open_file(abandoned, "wb") != nullptr);
    const auto second = flash::SparseFile::create_temporary();
    CHECK(second != nullptr && second->path() != path);
    CHECK(!exists(abandoned) && exists(path));
    const flash::FileStream reading = flash::open_file(path, "rb");
    std::array<char, 4> read{};
    CHECK(reading && std::fread(read.data(), 1, read.size(), reading.get()) == read.size());
    CHECK(std::memcmp(read.data(), "here", read.size()) == 0);
    file.reset();
#ifndef _WIN32
    CHECK(!exists(path));
#endif
}

void reads_the_model() {
    const Model model = written("spans.gguf");
    const auto skeleton = skeleton_of(model, streaming(model));
    const std::vector<char> file = bytes_of(model.files.front());
    CHECK(file.size() > 3'300'000);
    // More than is in flight at once, and neighbours.
    const std::vector<Span> spans = {{17, 3'000'001}, {3'000'018, 5}, {4095, 2}};
    std::vector<char> read;
    const auto done = skeleton->read(of_first_file(spans), [&](const uint8_t* data, size_t source, Span piece) {
        CHECK(piece.offset >= spans[source].offset);
        CHECK(piece.offset + piece.size <= spans[source].offset + spans[source].size);
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
    const auto cut = skeleton->read(of_first_file(spans), [](const uint8_t*, size_t, Span) {});
    CHECK(!cut && cut.error().message.find("the file ends before its data") != std::string::npos);
    const auto again = skeleton->read({{0, {0, 4096}}}, [&](const uint8_t* data, size_t, Span piece) {
        CHECK(std::memcmp(data, file.data(), piece.size) == 0);
    });
    CHECK(static_cast<bool>(again));
}

using Header = std::unique_ptr<gguf_context, decltype(&gguf_free)>;
Header header_of(const std::string& path) {
    Header header(gguf_init_from_file(path.c_str(), gguf_init_params{true, nullptr}), &gguf_free);
    CHECK(header != nullptr);
    return header;
}

/** A split model's is that of the model before it was split, but for the places of tensors. */
void joins_what_was_split() {
    const Model whole = written("split.gguf");
    const auto model = flash::read_model(split_model(whole.files.front(), 3).front());
    CHECK(static_cast<bool>(model));
    CHECK_EQUAL(model->files.size(), size_t{3});
    const Plan plan = streaming(*model);
    CHECK(plan.resident_bytes > 0);
    const auto skeleton = skeleton_of(*model, plan);
    CHECK(skeleton != nullptr);
    const Header expected = header_of(whole.files.front());
    const Header actual = header_of(skeleton->path());
    CHECK_EQUAL(gguf_get_n_tensors(actual.get()), gguf_get_n_tensors(expected.get()));
    const std::vector<char> file = bytes_of(whole.files.front());
    const std::vector<char> outlined = bytes_of(skeleton->path());
    const auto values = flash::header_values(whole.files.front());
    const auto same = flash::header_values(skeleton->path());
    CHECK(values && same && values->size() > 10);
    CHECK_EQUAL(same->size(), values->size());
    for (size_t i = 0; i < values->size(); i++) {
        CHECK_EQUAL((*same)[i].name, (*values)[i].name);
        const Span span = (*values)[i].span;
        CHECK_EQUAL((*same)[i].span.size, span.size);
        CHECK(std::memcmp(outlined.data() + (*same)[i].span.offset, file.data() + span.offset, span.size) == 0);
    }
    size_t kept = 0;
    for (size_t i = 0; i < whole.tensors.size(); i++) {
        if (plan.placement[i] != Placement::Resident) continue;
        const flash::TensorInfo& tensor = whole.tensors[i];
        const int64_t id = gguf_find_tensor(actual.get(), tensor.name.c_str());
        CHECK(id >= 0 && gguf_get_tensor_size(actual.get(), id) == tensor.size);
        const size_t at = gguf_get_data_offset(actual.get()) + gguf_get_tensor_offset(actual.get(), id);
        CHECK(at + tensor.size <= outlined.size());
        CHECK(std::memcmp(outlined.data() + at, file.data() + tensor.offset, tensor.size) == 0);
        kept++;
    }
    CHECK(kept > 3);
    // Of the last part.
    const flash::TensorInfo& last = model->tensors.back();
    CHECK_EQUAL(last.file, 2U);
    const auto read = skeleton->read({{2, {last.offset, 1}}}, [&](const uint8_t* data, size_t, Span) {
        CHECK_EQUAL(*data, static_cast<uint8_t>(bytes_of(model->files.back())[last.offset]));
    });
    CHECK(static_cast<bool>(read));
}

void is_left_out() {
    const Model model = written("whole.gguf");
    const Plan whole = make_plan(model, {UINT64_MAX / 2, 256, 2});
    CHECK(skeleton_of(model, whole) == nullptr);
    // It is memory beside the plan's, while the pool is empty.
    Plan plan = streaming(model);
    plan.resident_bytes = 100 << 20;
    CHECK(skeleton_of(model, plan) == nullptr);
    plan.expert_pool_bytes = 100 << 20;
    CHECK(skeleton_of(model, plan) != nullptr);
    // Parts that have tensors of the same names are no model.
    Model twice = model;
    twice.files.push_back(model.files.front());
    twice.tensors.push_back(model.tensors.front());
    twice.tensors.back().file = 1;
    plan.placement.push_back(plan.placement.front());
    CHECK(skeleton_of(twice, plan) == nullptr);
}

}  // namespace

TestCases skeleton_file_tests() {
    return {
        {"skeleton: has the header and what llama.cpp keeps, and takes no more", has_what_llama_keeps},
        {"skeleton: on a disk it is gone with its process or the next", is_removed_from_the_disk},
        {"skeleton: reads spans of the model, or says why not", reads_the_model},
        {"skeleton: of a split model it is one file", joins_what_was_split},
        {"skeleton: there is none of a model that is all llama.cpp's, or that takes more than is free", is_left_out},
    };
}

}  // namespace flint
