// Headers of GGUF files that mean harm: each is refused at once, and the reason said.

#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "ggml.h"
#include "gguf.h"
#include "gguf/model.h"
#include "platform/files.h"
#include "tests.h"

namespace flint {
namespace {

constexpr double kSecond = 1;

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/** @return why the model is refused; nothing where it is not. Never takes a second of processor time. */
std::string refusal_of(const std::string& path) {
    const double begin = processor_seconds();
    const auto model = flash::read_model(path);
    CHECK(processor_seconds() - begin < kSecond);
    if (model) return "";
    CHECK_EQUAL(model.error().status, FLASH_NOT_A_MODEL);
    CHECK(model.error().message.rfind(path, 0) == 0);
    return model.error().message.substr(path.size() + 1);
}

void corpus_is_refused_with_the_reason() {
    ggml_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    const std::map<std::string, std::string> reasons = {
        {"dense", ""},
        {"experts", ""},
        {"converted", ""},
        {"split", ""},
        {"alignment-huge", "the alignment is 2147483648"},
        {"alignment-alone", "the alignment is 2147483648"},
        {"alignment-behind-zero", "a name in it is empty or has a zero byte"},
        {"alignment-of-text", "damaged"},
        {"alignment-zero", "damaged"},
        {"architecture-array", "names no architecture"},
        {"array-in-array", "a value of the unknown type 9"},
        {"array-overflows", "the length of an array is 2305843009213693952"},
        {"array-without-end", "the length of an array is 1152921504606846976"},
        {"dimension-negative", "shape"},
        {"dimension-zero", "shape"},
        {"five-dimensions", "5 dimensions"},
        {"layers-without-end", ""},  // numbers that do not matter are taken for the largest that make sense
        {"name-empty", "a name in it is empty"},
        {"name-without-end", "the length of a name is 1152921504606846976"},
        {"names-alike", "damaged"},
        {"offset-beyond", "a tensor's offset is 4611686018427387904"},
        {"offset-negative", "a tensor's offset is 18446744073709551584"},
        {"old-version", "version 1 of the format"},
        {"other-bytes-first", "version 50331648"},
        {"shape-overflows", "shape"},
        {"shape-wraps-to-nothing", "shape"},
        {"string-of-a-gigabyte", "the length of a value is 1073741824"},
        {"string-without-end", "the length of a value is 1152921504606846976"},
        {"strings-without-end", "the length of an array is 1099511627776"},
        {"tensors-alike", "damaged"},
        {"tensors-negative", "the number of tensors is 18446744073709551615"},
        {"tensors-to-compare", "the number of tensors is 2000000"},
        {"tensors-without-end", "the number of tensors is 1152921504606846976"},
        {"unknown-type", "a value of the unknown type 77"},
        {"values-to-compare", "the number of values is 4000000"},
        {"values-without-end", "the number of values is 1152921504606846976"},
    };
    size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(FLINT_CORPUS)) {
        if (entry.path().extension() != ".gguf") continue;
        const auto reason = reasons.find(entry.path().stem().string());
        const std::string said = refusal_of(entry.path().string());
        // Others are what the fuzzer found once: that they end in words is enough.
        if (reason == reasons.end()) continue;
        found++;
        const bool fits = reason->second.empty() ? said.empty() : said.find(reason->second) != std::string::npos;
        if (!fits) throw std::runtime_error(entry.path().filename().string() + ": " + said);
    }
    CHECK_EQUAL(found, reasons.size());
}

/** What makes sense as a header, and still contradicts itself or llama.cpp's limits. */
void corpus_has_its_faults() {
    ggml_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    const std::map<std::string, std::string> faults = {
        {"usable", ""},
        {"epsilon-nan", "has a llama.attention.layer_norm_rms_epsilon of nan"},
        {"heads-none", "has attention without heads in layer 0 (llama.attention.head_count is 0)"},
        {"layers-513", "says that it has 513 layers (llama.block_count), and llama.cpp takes 1 to 512"},
        {"layers-without-end", "context_length"},
        {"tensor-of-other-shape", "has a tensor blk.0.attn_q.weight of 16 x 4, but its header makes that 8 x 8"},
        {"token-twice", "has one token twice: number 3 of tokenizer.ggml.tokens"},
    };
    for (const auto& [name, fault] : faults) {
        const std::string path = std::string(FLINT_CORPUS) + "/" + name + ".gguf";
        const auto model = flash::read_model(path);
        CHECK(model);
        CHECK_EQUAL(model->fault.has_value(), !fault.empty());
        CHECK(model->fault.value_or("").find(fault) != std::string::npos);
        const auto usable = flash::read_usable_model(path);
        CHECK_EQUAL(static_cast<bool>(usable), fault.empty());
        if (usable) continue;
        CHECK_EQUAL(usable.error().status, FLASH_NOT_A_MODEL);
        CHECK(usable.error().message.rfind(path + " is not a usable model: it ", 0) == 0);
    }
}

void append(std::string& bytes, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++) bytes += static_cast<char>(value >> 8 * i);
}

std::string begin_header(uint64_t tensors, uint64_t values) {
    std::string bytes = "GGUF";
    append(bytes, 3, 4);
    append(bytes, tensors, 8);
    append(bytes, values, 8);
    return bytes;
}

/** As many names as are allowed, then an end: whoever compares each with all before it must be through in a second. */
void the_most_there_may_be_are_looked_through() {
    ggml_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    constexpr uint64_t kMost = 1U << 13;
    const std::string path = scratch_folder() + "/names.gguf";
    const auto write = [&](const std::string& bytes) {
        std::ofstream(path, std::ios::binary | std::ios::trunc)
            .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    };
    const auto name = [](std::string& bytes, uint64_t number) {
        const std::string text = "name-" + std::to_string(100'000 + number);
        append(bytes, text.size(), 8);
        bytes += text;
    };
    std::string values = begin_header(0, kMost);
    for (uint64_t i = 0; i < kMost; i++) {
        name(values, i);
        append(values, 0, 4);  // a byte
        append(values, 1, 1);
    }
    write(values);
    CHECK(refusal_of(path).find("names no architecture") != std::string::npos);

    std::string tensors = begin_header(kMost, 0);
    for (uint64_t i = 0; i < kMost; i++) {
        name(tensors, i);
        append(tensors, 1, 4);
        append(tensors, 8, 8);
        append(tensors, GGML_TYPE_F32, 4);
        append(tensors, 32 * i, 8);
    }
    write(tensors);
    CHECK(!refusal_of(path).empty());
    std::filesystem::remove(path);
}

/** The parts of a split model together have no more tensors than one file may have. */
void parts_are_counted_together() {
    ggml_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    constexpr uint64_t kTensors = 5000;
    const auto path_of = [](uint64_t part) {
        return scratch_folder() + "/parts-0000" + std::to_string(part + 1) + "-of-00002.gguf";
    };
    for (uint64_t part = 0; part < 2; part++) {
        std::string bytes = begin_header(kTensors, 2);
        const auto name = [&](const std::string& text) {
            append(bytes, text.size(), 8);
            bytes += text;
        };
        name("split.count");
        append(bytes, GGUF_TYPE_UINT16, 4);
        append(bytes, 2, 2);
        name("general.architecture");
        append(bytes, GGUF_TYPE_STRING, 4);
        name("llama");
        for (uint64_t i = 0; i < kTensors; i++) {
            name("t" + std::to_string(part * kTensors + i));
            append(bytes, 1, 4);
            append(bytes, 8, 8);
            append(bytes, GGML_TYPE_F32, 4);
            append(bytes, 32 * i, 8);
        }
        bytes.resize(bytes.size() + 32 + 32 * kTensors);
        std::ofstream(path_of(part), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    const auto model = flash::read_model(path_of(0));
    CHECK(!model && model.error().message.find("has more than 8192 tensors in its parts") != std::string::npos);
}

/** A file of 1 TB, all holes: what its numbers say of it would be there. */
void length_of_the_file_is_no_excuse() {
    const std::string path = scratch_folder() + "/holes.gguf";
    const auto refuse = [&](std::string bytes, const char* words) {
        {
            const flash::FileStream file = flash::open_file(path, "wb");
            CHECK_EQUAL(std::fwrite(bytes.data(), 1, bytes.size(), file.get()), bytes.size());
            CHECK_EQUAL(std::fflush(file.get()), 0);
            static_cast<void>(flash::allow_holes(file.get()));
            CHECK(flash::resize_file(file.get(), uint64_t{1} << 40));
        }
        CHECK(refusal_of(path).find(words) != std::string::npos);
    };
    std::string array = begin_header(0, 1);
    append(array, 1, 8);
    array += "k";
    std::string text = array;
    append(array, 9, 4);
    append(array, 10, 4);
    append(array, 1U << 30, 8);
    refuse(array, "the length of an array is 1073741824");
    append(text, 8, 4);
    append(text, 1U << 30, 8);
    refuse(text, "the length of a value is 1073741824");
    std::filesystem::remove(path);
}

}  // namespace

TestCases header_tests() {
    return {
        {"header: each of the corpus is refused at once, with the reason", corpus_is_refused_with_the_reason},
        {"header: values that contradict each other or llama.cpp are faults", corpus_has_its_faults},
        {"header: the most names there may be take less than a second", the_most_there_may_be_are_looked_through},
        {"header: the tensors of all parts are counted together", parts_are_counted_together},
        {"header: the length of the file is no excuse", length_of_the_file_is_no_excuse},
    };
}

}  // namespace flint
