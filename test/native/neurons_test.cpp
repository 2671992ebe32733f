// The parts that serve neurons, by themselves. That all of it together computes what llama.cpp does, convert.test.ts
// proves with a real model.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <numeric>

#include "ggml-backend.h"
#include "neurons/fetch.h"
#include "neurons/filling.h"
#include "neurons/rows.h"
#include "neurons/window.h"
#include "plan/neuron_budget.h"
#include "random.h"
#include "store/format.h"
#include "tests.h"

namespace flint {
namespace {

using flash::Window;

uint64_t checksum_of(const std::string& text) { return flash::checksum(text.data(), text.size()); }

void checksums_are_those_of_the_specification() {
    // From xxHash's own documentation and tests (XXH64, seed 0).
    CHECK_EQUAL(checksum_of(""), 0xef46db3751d8e999ULL);
    CHECK_EQUAL(checksum_of("a"), 0xd24ec4f1a98c6e5bULL);
    CHECK_EQUAL(checksum_of("abc"), 0x44bc2cf5ad770999ULL);
    CHECK_EQUAL(checksum_of("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1ULL);
}

/** Neurons that were touched and are not here; those that the window keeps are here afterwards. */
std::vector<uint8_t> bring(Window& window, const std::vector<uint32_t>& misses) {
    std::vector<uint8_t> kept;
    const uint32_t count = window.make_room(misses, kept);
    CHECK_EQUAL(count, static_cast<uint32_t>(std::count(kept.begin(), kept.end(), 1)));
    for (size_t i = 0; i < misses.size(); i++) {
        if (kept[i] == 0) continue;
        const uint32_t row = window.take(misses[i], true);
        std::memcpy(window.down(row), &misses[i], sizeof misses[i]);
    }
    return kept;
}

void window_keeps_what_is_active_often() {
    const std::vector<float> frequency(10, 0.0F);
    Window window(10, 3, 0, 4, frequency.data());
    CHECK(window.ready());
    window.begin();
    CHECK_EQUAL(window.empty_rows(), 3U);
    for (const uint32_t neuron : {2U, 5U, 7U}) CHECK_EQUAL(window.touch(neuron), Window::kNone);
    CHECK(bring(window, {2, 5, 7}) == (std::vector<uint8_t>{1, 1, 1}));
    // All of them are active now: there is room for none.
    CHECK_EQUAL(window.touch(9), Window::kNone);
    CHECK(bring(window, {9}) == (std::vector<uint8_t>{0}));
    window.begin();
    CHECK(window.touch(2) != Window::kNone);
    CHECK(window.touch(5) != Window::kNone);
    CHECK_EQUAL(window.touch(9), Window::kNone);
    CHECK(bring(window, {9}) == (std::vector<uint8_t>{1}));  // 7 was active once, 9 twice
    // What stays was not moved.
    uint32_t content = 0;
    std::memcpy(&content, window.down(window.touch(2)), sizeof content);
    CHECK_EQUAL(content, 2U);
    // One that is here for the first time displaces none that come again and again.
    window.begin();
    CHECK_EQUAL(window.touch(7), Window::kNone);
    CHECK_EQUAL(window.touch(1), Window::kNone);
    CHECK(bring(window, {1, 7}) == (std::vector<uint8_t>{0, 1}));  // 7 as often as 5, and later
    CHECK_EQUAL(window.size(), 3U);
    window.clear();
    CHECK_EQUAL(window.size(), 0U);
    CHECK(!window.has(9));
}

void window_knows_the_frequent_beforehand_and_forgets() {
    const std::vector<float> frequency = {0.9F, 0.0F, 0.1F, 0.0F};
    Window window(4, 1, 2, 4, frequency.data());
    window.begin();
    for (const uint32_t neuron : {0U, 1U, 2U}) window.touch(neuron);
    CHECK(bring(window, {0, 1, 2}) == (std::vector<uint8_t>{1, 0, 0}));
    // So often that the numbers within have had to be made smaller several times.
    for (int i = 0; i < 10'000; i++) {
        window.begin();
        if (window.touch(3) == Window::kNone) bring(window, {3});
    }
    CHECK(window.has(3));
    window.begin();
    window.touch(0);
    CHECK(bring(window, {0}) == (std::vector<uint8_t>{0}));
}

void runs_merge_what_is_near() {
    const flash::Part part{1000, 100, 40};
    const auto runs = flash::runs_of({0, 1, 3, 10}, part, 160);
    CHECK_EQUAL(runs.size(), size_t{2});
    CHECK_EQUAL(runs[0].offset, 1000U);
    CHECK_EQUAL(runs[0].size, 340U);  // to the end of neuron 3
    CHECK_EQUAL(runs[0].count, 3U);
    CHECK_EQUAL(runs[1].first, 3U);
    CHECK_EQUAL(runs[1].offset, 2000U);
    // Without a gap only neighbours that touch: bundles, of which the whole is read.
    CHECK_EQUAL(flash::runs_of({0, 1, 3}, {0, 100, 100}, 0).size(), size_t{2});
    CHECK_EQUAL(flash::runs_of({0, 1, 3}, part, 0).size(), size_t{3});
    CHECK(flash::runs_of({}, part, 10).empty());
    // No run is larger than a room.
    std::vector<uint32_t> all(1000);
    std::iota(all.begin(), all.end(), 0);
    uint32_t count = 0;
    for (const flash::Run& run : flash::runs_of(all, {0, 1000, 1000}, 0)) {
        CHECK(run.size <= flash::kLargestRun);
        CHECK_EQUAL(run.first, count);
        count += run.count;
    }
    CHECK_EQUAL(count, 1000U);
}

void windows_fill_with_what_calibration_found_active() {
    constexpr uint32_t kNeurons = 40;
    constexpr uint32_t kWidth = 8;  // numbers in F32: a row and a column of 32 bytes each
    using Bundle = std::array<float, 2 * kWidth>;
    std::vector<Bundle> bundles(kNeurons);
    flash::NeuronLayer layer{};
    layer.record.neurons = kNeurons;
    layer.up_bytes = layer.down_bytes = sizeof(Bundle) / 2;
    std::vector<uint32_t> checksums;
    std::vector<float> frequency(kNeurons, 0.0F);
    for (uint32_t i = 0; i < kNeurons; i++) {
        for (size_t j = 0; j < bundles[i].size(); j++) bundles[i][j] = static_cast<float>(100 * i + j);
        for (const size_t half : {size_t{0}, size_t{kWidth}}) {
            checksums.push_back(static_cast<uint32_t>(flash::checksum(bundles[i].data() + half, sizeof(Bundle) / 2)));
        }
        if (i >= 20 && i % 3 == 0) frequency[i] = static_cast<float>(i);  // 21, 24 … 39
    }
    flash::ResidentPart resident;
    resident.checksums = checksums.data();
    resident.frequency = frequency.data();
    const std::string path = scratch_folder() + "/bundles";
    const auto file = [&](uint32_t damaged) {
        std::vector<Bundle> written = bundles;
        if (damaged < kNeurons) written[damaged][kWidth] += 1;
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(written.data()),
                   static_cast<std::streamsize>(written.size() * sizeof(Bundle)));
        return flash::Reader::open(path);
    };
    const auto filled = [&](uint32_t damaged, uint32_t capacity) {
        const auto reader = file(damaged);
        CHECK(reader);
        flash::Fetch fetch(*reader);
        Window window(kNeurons, capacity, layer.up_bytes, layer.down_bytes, frequency.data());
        const auto never = [] { return false; };
        const flash::Filling filling =
            flash::fill(window, layer, resident, {0, sizeof(Bundle), sizeof(Bundle)}, true, 0, fetch, {never, never});
        CHECK_EQUAL(filling.bytes, filling.reads * sizeof(Bundle));
        window.begin();
        std::vector<uint32_t> found;
        for (uint32_t i = 0; i < kNeurons; i++) {
            if (!window.has(i)) continue;
            found.push_back(i);
            const uint32_t row = window.touch(i);
            CHECK(std::memcmp(window.up(row), bundles[i].data(), layer.up_bytes) == 0);
            CHECK(std::memcmp(window.down(row), bundles[i].data() + kWidth, layer.down_bytes) == 0);
        }
        CHECK_EQUAL(filling.reads, found.size());
        return found;
    };
    using Found = std::vector<uint32_t>;
    CHECK(filled(kNeurons, 3) == (Found{33, 36, 39}));
    // Those that never were active are not worth reading.
    CHECK(filled(kNeurons, kNeurons) == (Found{21, 24, 27, 30, 33, 36, 39}));
    // What is damaged does not get in, nor does what comes after it: who needs it will say so.
    CHECK(filled(36, 3) == (Found{33}));
    CHECK(filled(kNeurons, 0).empty());
}

void windows_share_by_tokens() {
    const std::vector<flash::LayerDemand> layers = {{1000, 10, 400}, {1000, 10, 10}, {1000, 10, 100}};
    const auto half = flash::share_windows(layers, 5100);
    // 5100 bytes are one token's worth of each layer.
    CHECK_EQUAL(half[0], 400U);
    CHECK_EQUAL(half[1], 10U);
    CHECK_EQUAL(half[2], 100U);
    const auto all = flash::share_windows(layers, 1 << 20);
    CHECK(all == (std::vector<uint32_t>{1000, 1000, 1000}));
    const auto most = flash::share_windows(layers, 20000);
    CHECK_EQUAL(most[0], 1000U);
    CHECK((uint64_t{most[0]} + most[1] + most[2]) * 10 <= 20000);
    CHECK((uint64_t{most[0]} + most[1] + most[2]) * 10 > 19900);
    CHECK(flash::share_windows(layers, 0) == (std::vector<uint32_t>{0, 0, 0}));
}

void rows_are_as_ggml_reads_them() {
    ggml_backend_load_all_from_path(GGML_LIBRARIES_FOLDER);
    constexpr int64_t kWidth = 512;
    Random random(5);
    std::vector<float> numbers(kWidth);
    std::vector<float> other(kWidth);
    for (float& number : numbers) number = random.normal();
    for (float& number : other) number = random.normal();
    for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0,
                                 GGML_TYPE_Q5_0, GGML_TYPE_Q4_K, GGML_TYPE_Q6_K}) {
        std::vector<uint8_t> row(ggml_row_size(type, kWidth));
        if (type == GGML_TYPE_F32)
            std::memcpy(row.data(), numbers.data(), row.size());
        else
            ggml_quantize_chunk(type, numbers.data(), row.data(), 0, 1, kWidth, nullptr);
        std::vector<float> expected = numbers;
        if (type != GGML_TYPE_F32) ggml_get_type_traits(type)->to_float(row.data(), expected.data(), kWidth);
        // Twenty times, so that there is more than one group of rows; and an odd end where the type has one.
        const int64_t part = flash::part_granularity(type);
        const int64_t whole = ggml_blck_size(type) == 1 ? kWidth - 5 : kWidth;
        std::vector<flash::WeightedRow> rows;
        for (int i = 0; i < 20; i++) rows.push_back({row.data(), static_cast<float>(i - 5)});
        for (int64_t first = 0; first < whole; first += part) {
            std::vector<float> actual(static_cast<size_t>(std::min(part, whole - first)), 1.0F);
            flash::add_rows(type, rows, first, static_cast<int64_t>(actual.size()), actual.data());
            for (size_t i = 0; i < actual.size(); i++) {
                float sum = 1;
                for (const flash::WeightedRow& added : rows) {
                    sum = std::fma(added.weight, expected[static_cast<size_t>(first) + i], sum);
                }
                CHECK_EQUAL(actual[i], sum);
            }
        }
        const auto product = flash::DotProduct::of(type);
        CHECK(product);
        std::vector<uint8_t> converted(product->activation_bytes(kWidth));
        product->convert(other.data(), kWidth, converted.data());
        double exact = 0;
        for (size_t i = 0; i < numbers.size(); i++)
            exact += static_cast<double>(expected[i]) * static_cast<double>(other[i]);
        // The activations may be rounded to 8 bits.
        CHECK(std::abs((*product)(row.data(), converted.data(), kWidth) - exact) < 0.02 * kWidth / std::sqrt(kWidth));
    }
}

void short_rows_multiply_as_ggml_does() {
    ggml_backend_load_all_from_path(GGML_LIBRARIES_FOLDER);
    constexpr uint32_t kRows = 7;
    Random random(6);
    for (const int64_t width : {32, 128, 640}) {
        std::vector<float> numbers(kRows * static_cast<size_t>(width));
        std::vector<float> other(static_cast<size_t>(width));
        for (float& number : numbers) number = random.normal();
        for (float& number : other) number = random.normal();
        const size_t row_bytes = ggml_row_size(GGML_TYPE_Q4_0, width);
        std::vector<uint8_t> rows(kRows * row_bytes);
        ggml_quantize_chunk(GGML_TYPE_Q4_0, numbers.data(), rows.data(), 0, kRows, width, nullptr);
        const auto product = flash::DotProduct::of(GGML_TYPE_Q4_0);
        CHECK(product && product->activation_type() == GGML_TYPE_Q8_0);
        std::vector<uint8_t> converted(product->activation_bytes(width));
        product->convert(other.data(), width, converted.data());
        std::vector<float> actual(kRows);
        flash::multiply_short_rows(rows.data(), kRows, converted.data(), width, actual.data());
        for (uint32_t row = 0; row < kRows; row++) {
            const float expected = (*product)(rows.data() + row * row_bytes, converted.data(), width);
            CHECK(std::abs(actual[row] - expected) < 1e-4F * std::sqrt(static_cast<float>(width)));
        }
    }
}

}  // namespace

TestCases neurons_tests() {
    return {
        {"checksums are those of the specification", checksums_are_those_of_the_specification},
        {"a window keeps what is active often", window_keeps_what_is_active_often},
        {"a window knows the frequent beforehand, and forgets", window_knows_the_frequent_beforehand_and_forgets},
        {"reads merge what is near", runs_merge_what_is_near},
        {"windows are shared by tokens", windows_share_by_tokens},
        {"windows fill with what calibration found active", windows_fill_with_what_calibration_found_active},
        {"neurons' rows are as ggml reads them", rows_are_as_ggml_reads_them},
        {"short rows are multiplied as ggml does", short_rows_multiply_as_ggml_does},
    };
}

}  // namespace flint
