// Windows that a thread fills in the background while neurons are computed from them. Most of all for the thread
// sanitizer: -DFLINT_SANITIZE=thread, with thread-sanitizer.txt.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <thread>

#include "ggml-backend.h"
#include "held_reads.h"
#include "neurons/neurons.h"
#include "random.h"
#include "tests.h"

namespace flint {
namespace {

using flash::Sparsity;

constexpr uint32_t kLayers = 6;
constexpr uint32_t kNeurons = 96;
constexpr uint32_t kWidth = 64;
constexpr uint32_t kRank = 32;
constexpr uint32_t kTokens = 2;
constexpr uint64_t kHalfBytes = kWidth * sizeof(float);  // of a bundle
constexpr unsigned kThreads = 2;                         // of a computation
constexpr int kMostRounds = 1000;

uint64_t aligned(uint64_t bytes) {
    return (bytes + flash::kStoreAlignment - 1) / flash::kStoreAlignment * flash::kStoreAlignment;
}

/** Layers of random numbers in F32, with predictors of zeros: a neuron's offset alone says whether it is named. */
flash::Store write_store() {
    Random random(7);
    const uint64_t bundles_bytes = kNeurons * 2 * kHalfBytes;
    const uint64_t resident_bytes = flash::resident_bytes(kNeurons, kWidth, kRank);
    flash::Store store{scratch_folder() + "/filled.flash", 0, {}};
    std::vector<uint8_t> file;
    for (uint32_t number = 0; number < kLayers; number++) {
        flash::NeuronLayer layer{};
        layer.up_bytes = layer.down_bytes = kHalfBytes;
        flash::StoreLayer& record = layer.record;
        record.layer = number;
        record.neurons = kNeurons;
        record.embedding = kWidth;
        record.up_type = record.down_type = GGML_TYPE_F32;
        record.rank = kRank;
        record.figures.predicted = 2 / 3.0F;
        record.bundles_offset = file.size();
        record.resident_offset = file.size() + aligned(bundles_bytes);
        record.resident_bytes = resident_bytes;
        file.resize(record.resident_offset + aligned(resident_bytes));
        uint8_t* resident = file.data() + record.resident_offset;
        for (uint32_t i = 0; i < kNeurons; i++) {
            std::array<uint32_t, 2> checksums{};
            for (uint32_t half = 0; half < 2; half++) {
                std::array<float, kWidth> numbers{};
                for (float& number : numbers) number = random.normal();
                std::memcpy(file.data() + layer.bundle_offset(i) + half * kHalfBytes, numbers.data(), kHalfBytes);
                checksums[half] = static_cast<uint32_t>(flash::checksum(numbers.data(), kHalfBytes));
            }
            const float frequency = 0.5F;  // all are worth reading
            const float offset = i % 3 == 0 ? -1.0F : 1.0F;
            std::memcpy(resident + i * sizeof checksums, checksums.data(), sizeof checksums);
            std::memcpy(resident + kNeurons * 8 + i * 4, &frequency, sizeof frequency);
            std::memcpy(resident + kNeurons * 12 + i * 4, &offset, sizeof offset);
        }
        record.resident_checksum = flash::checksum(resident, resident_bytes);
        store.layers.push_back(layer);
    }
    std::ofstream(store.path, std::ios::binary)
        .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
    return store;
}

/** A block's tensors, as a graph has them, and threads to compute it with. */
class Block {
  public:
    Block() {
        CHECK(workers_.resize(kThreads));
        up_.ne[0] = down_.ne[0] = kWidth;
        hidden_.ne[0] = kNeurons;
        bind(input_, input_numbers_, kWidth);
        bind(hidden_, hidden_numbers_, kNeurons);
        bind(down_, output_, kWidth);
        up_.src[1] = &input_;
        down_.src[1] = &hidden_;
    }

    flash::Result<ggml_status> compute(
        flash::Neurons& neurons, uint32_t layer, const flash::Stop& stop = [] { return false; }) {
        Random random(layer);
        for (float& number : input_numbers_) number = random.normal();
        // By two neurons in three, each token by others.
        for (uint32_t i = 0; i < hidden_numbers_.size(); i++) hidden_numbers_[i] = i % 3 == 0 ? 0 : random.normal();
        return neurons.sparsity() == Sparsity::Predict
                   ? neurons.feed_forward(workers_, layer, {&up_, nullptr, &down_}, stop)
                   : neurons.project(workers_, layer, &down_, stop);
    }

    /** What a computation that must succeed gives. */
    std::vector<float> result(flash::Neurons& neurons, uint32_t layer) {
        const auto status = compute(neurons, layer);
        CHECK(status);
        CHECK_EQUAL(*status, GGML_STATUS_SUCCESS);
        return output_;
    }

    const std::vector<float>& output() const { return output_; }

  private:
    static void bind(ggml_tensor& tensor, std::vector<float>& numbers, uint32_t width) {
        numbers.resize(size_t{width} * kTokens);
        tensor.type = GGML_TYPE_F32;
        tensor.ne[0] = width;
        tensor.ne[1] = kTokens;
        tensor.ne[2] = tensor.ne[3] = 1;
        tensor.nb[0] = sizeof(float);
        tensor.nb[1] = width * sizeof(float);
        tensor.data = numbers.data();
    }

    flash::Workers workers_;
    ggml_tensor up_{};
    ggml_tensor down_{};
    ggml_tensor input_{};
    ggml_tensor hidden_{};
    std::vector<float> input_numbers_;
    std::vector<float> hidden_numbers_;
    std::vector<float> output_;
};

struct Opened {
    std::unique_ptr<flash::NeuronStats> stats = std::make_unique<flash::NeuronStats>();
    std::unique_ptr<flash::Neurons> neurons;
};

/** With room for all neurons. Not bundled, so that none is read twice: the bytes read tell when all are there. */
Opened open(const flash::Store& store, Sparsity sparsity, bool window) {
    Opened opened;
    auto neurons =
        flash::Neurons::open(store, sparsity, flash::neuron_bytes(store, sparsity), {window, false}, *opened.stats);
    CHECK(neurons);
    opened.neurons = std::move(*neurons);
    return opened;
}

void wait_until_filled(const flash::NeuronStats& stats, uint64_t bytes) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (stats.read_bytes < bytes) {
        CHECK(std::chrono::steady_clock::now() < until);
        std::this_thread::yield();
    }
}

void test_with(Sparsity sparsity) {
    ggml_backend_load_all_from_path(GGML_LIBRARIES_FOLDER);
    const flash::Store store = write_store();
    const uint64_t all_bytes = flash::neuron_bytes(store, sparsity);
    std::array<Block, 2> blocks;  // of two contexts of the model
    std::vector<std::vector<float>> expected;
    {
        const Opened unfilled = open(store, sparsity, false);
        for (uint32_t layer = 0; layer < kLayers; layer++) {
            expected.push_back(blocks[0].result(*unfilled.neurons, layer));
        }
        const auto is_zero = [](float number) { return number == 0.0F; };
        CHECK(std::none_of(expected.back().begin(), expected.back().end(), is_zero));
    }

    // Who comes first is the machine's affair: until a block was computed whose window was not filled yet, but others
    // were filled after that.
    bool overlapped = false;
    for (int round = 0; !overlapped; round++) {
        CHECK(round < kMostRounds);
        const Opened opened = open(store, sparsity, true);
        std::array<bool, 2> right{true, true};
        const auto use = [&](uint32_t context) {
            for (uint32_t i = 0; i < kLayers; i++) {
                const uint32_t layer = context == 0 ? kLayers - 1 - i : i;
                const auto status = blocks[context].compute(*opened.neurons, layer);
                right[context] = right[context] && status && *status == GGML_STATUS_SUCCESS &&
                                 blocks[context].output() == expected[layer];
            }
        };
        std::thread other([&] { use(1); });
        use(0);
        other.join();
        CHECK(right[0] && right[1]);
        const uint64_t missed = opened.stats->loaded;
        wait_until_filled(*opened.stats, all_bytes);
        CHECK_EQUAL(opened.stats->read_bytes.load(), all_bytes);
        overlapped = missed > 0;
        for (uint32_t layer = 0; layer < kLayers; layer++) {
            CHECK(blocks[0].result(*opened.neurons, layer) == expected[layer]);
        }
        CHECK_EQUAL(opened.stats->loaded.load(), missed);
    }
}

void neurons_are_the_same_while_windows_fill() { test_with(Sparsity::Exact); }
void predicted_neurons_are_the_same_while_windows_fill() { test_with(Sparsity::Predict); }

void filling_ends_with_the_model() {
    ggml_backend_load_all_from_path(GGML_LIBRARIES_FOLDER);
    const flash::Store store = write_store();
    const uint64_t all_bytes = flash::neuron_bytes(store, Sparsity::Exact);
    Block block;
    const std::vector<float> expected = block.result(*open(store, Sparsity::Exact, false).neurons, kLayers - 1);
    // Unloaded at once, after a computation that was stopped, and after another one; each until it was in mid-filling.
    for (int computations = 0; computations <= 2; computations++) {
        bool cut_short = false;
        for (int round = 0; !cut_short; round++) {
            CHECK(round < kMostRounds);
            Opened opened = open(store, Sparsity::Exact, true);
            if (computations > 0) {
                const auto stopped = block.compute(*opened.neurons, kLayers - 1, [] { return true; });
                // What was filled already needs no read that could be stopped.
                CHECK(stopped);
                CHECK(*stopped == GGML_STATUS_ABORTED || block.output() == expected);
            }
            if (computations > 1) CHECK(block.result(*opened.neurons, kLayers - 1) == expected);
            opened.neurons.reset();
            cut_short = opened.stats->read_bytes < all_bytes;
        }
    }
}

#ifdef __linux__
// Were anything awaited that reads, these would never end: what is held is released only after they were stopped.

void stopping_waits_for_no_read() {
    ggml_backend_load_all_from_path(GGML_LIBRARIES_FOLDER);
    const flash::Store store = write_store();
    for (const Sparsity sparsity : {Sparsity::Exact, Sparsity::Predict}) {
        Block block;
        const std::vector<float> expected = block.result(*open(store, sparsity, false).neurons, 0);
        HeldReads reads;
        const Opened opened = open(store, sparsity, false);
        reads.hold();
        // The second finds the reads of the first still under way.
        for (int i = 0; i < 2; i++) {
            const auto stopped = block.compute(*opened.neurons, 0, [] { return true; });
            CHECK(stopped);
            CHECK_EQUAL(*stopped, GGML_STATUS_ABORTED);
        }
        reads.release();
        CHECK(block.result(*opened.neurons, 0) == expected);
    }
}

void stopping_waits_for_no_filling() {
    ggml_backend_load_all_from_path(GGML_LIBRARIES_FOLDER);
    const flash::Store store = write_store();
    Block block;
    const std::vector<float> expected = block.result(*open(store, Sparsity::Exact, false).neurons, 0);
    // Until the disk failed to answer in mid-filling: then the computation got no turn, and counted no neurons.
    bool held = false;
    for (int round = 0; !held; round++) {
        CHECK(round < kMostRounds);
        HeldReads reads;
        const Opened opened = open(store, Sparsity::Exact, true);
        reads.hold();
        const auto stopped = block.compute(*opened.neurons, 0, [] { return true; });
        CHECK(stopped);
        held = *stopped == GGML_STATUS_ABORTED && opened.stats->total == 0;
        reads.release();
        CHECK(block.result(*opened.neurons, 0) == expected);
    }
}
#endif

}  // namespace

TestCases filling_tests() {
    return {
#ifdef __linux__
        {"stopping waits for no read of neurons", stopping_waits_for_no_read},
        {"stopping waits for no filling of windows", stopping_waits_for_no_filling},
#endif
        {"neurons are the same while windows fill", neurons_are_the_same_while_windows_fill},
        {"predicted neurons are the same while windows fill", predicted_neurons_are_the_same_while_windows_fill},
        {"filling windows with neurons ends with the model", filling_ends_with_the_model},
    };
}

}  // namespace flint
