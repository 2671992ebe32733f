// flint-fuzz CORPUS FOLDER SECONDS [SEED]: reads changed copies of the corpus, as the engine reads the header of a
// model
// (.gguf) and of a store (.flash), for so many seconds. Copies that reach new code are changed further. Each is written
// to FOLDER/input before it is read: when this process dies, of a sanitizer's finding, a failed assertion or of a
// few seconds of processor time, that is the input which killed it.

#include <sys/time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "coverage.h"
#include "ggml.h"
#include "plan/plan.h"
#include "random.h"
#include "store/store.h"

namespace flint {
namespace {

using Bytes = std::vector<uint8_t>;

enum class Kind : uint8_t { Model, Store };

struct Input {
    Kind kind;
    Bytes bytes;
};

/** No input is longer: long ones are slow, and say nothing that short ones do not. */
constexpr size_t kMostBytes = 1U << 16;

void expect(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

Bytes read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void write_file(const std::string& path, const Bytes& bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

/** The process dies when this takes more than three seconds of processor time: sanitizers are slow. */
class Watch {
  public:
    Watch() { set(3); }
    ~Watch() { set(0); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

  private:
    static void set(time_t seconds) {
        const itimerval timer{{0, 0}, {seconds, 0}};
        setitimer(ITIMER_PROF, &timer, nullptr);
    }
};

void read_model(const std::string& path, uint64_t file_bytes) {
    const auto model = flash::read_model(path);
    if (!model) {
        expect(!model.error().message.empty(), "a refusal says why");
        return;
    }
    expect(!model->fault || !model->fault->empty(), "a fault says what it is");
    uint64_t sum = 0;
    for (const flash::TensorInfo& tensor : model->tensors) {
        expect(tensor.offset + tensor.size <= file_bytes, "a tensor lies inside the file");
        for (const int64_t size : tensor.ne) expect(size > 0, "a tensor has elements");
        sum += tensor.size;
    }
    for (const uint64_t cap : {uint64_t{1}, uint64_t{300} << 20, uint64_t{1} << 50}) {
        for (const uint32_t context : {0U, 512U}) {
            const flash::Plan plan = flash::make_plan(*model, {cap, context, 2});
            expect(plan.placement.size() == model->tensors.size(), "each tensor has its place");
            expect(plan.fits == (plan.minimum_cap <= cap), "a plan fits from the smallest cap on");
            expect(plan.resident_bytes <= sum && plan.streamed_bytes <= sum, "no more weights than there are");
        }
    }
}

void read_store(const std::string& path, uint64_t file_bytes) {
    const auto store = flash::read_store(path);
    if (!store) return expect(!store.error().message.empty(), "a refusal says why");
    const auto reader = flash::Reader::open(path);
    expect(static_cast<bool>(reader), "what was read can be opened");
    for (const flash::NeuronLayer& layer : store->layers) {
        expect(layer.bundle_offset(layer.record.neurons) <= file_bytes, "bundles lie inside the file");
        for (const bool with_predictor : {false, true}) {
            if (flash::read_resident(*reader, *store, layer, with_predictor)) continue;
        }
    }
}

/** With checksums that are right, whatever the rest is: who means harm makes them so. */
void sign(Bytes& bytes) {
    flash::StoreHeader header;
    if (bytes.size() < sizeof header) return;
    std::memcpy(&header, bytes.data(), sizeof header);
    header.file_bytes = bytes.size();
    const uint64_t layers = std::min<uint64_t>(header.layer_count, 1U << 12) * sizeof(flash::StoreLayer);
    if (sizeof header + layers <= bytes.size())
        header.layers_checksum = flash::checksum(bytes.data() + sizeof header, layers);
    header.checksum = flash::checksum(&header, offsetof(flash::StoreHeader, checksum));
    std::memcpy(bytes.data(), &header, sizeof header);
}

/** What lengths, counts, offsets and types are when somebody means harm. */
uint64_t odd_number(Random& random) {
    constexpr std::array<uint64_t, 12> kOdd = {0,      1,          8,          9,          31,         0x7f,
                                               0xffff, 1ULL << 31, 1ULL << 32, 1ULL << 60, 1ULL << 61, 1ULL << 63};
    const uint64_t number = kOdd[random.below(kOdd.size())];
    switch (random.below(4)) {
        case 0:
            return 0 - number;
        case 1:
            return number - 1;
        default:
            return number;
    }
}

void change(Bytes& bytes, const std::vector<Input>& others, Random& random) {
    const size_t at = random.below(bytes.size() + 1);
    const size_t count = std::min<size_t>(1 + random.below(random.below(8) == 0 ? 200 : 9), bytes.size() - at);
    const auto position = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = position + static_cast<std::ptrdiff_t>(count);
    switch (random.below(7)) {
        case 0:
            if (count > 0) *position ^= static_cast<uint8_t>(1U << random.below(8));
            break;
        case 1: {
            // A number of 4 or 8 bytes.
            const uint64_t number = odd_number(random);
            const size_t size = std::min<size_t>(random.below(2) == 0 ? 4 : 8, bytes.size() - at);
            if (size > 0) std::memcpy(bytes.data() + at, &number, size);
            break;
        }
        case 2:
            if (count > 0) *position = static_cast<uint8_t>(*position + random.below(17) - 8);
            break;
        case 3:
            bytes.erase(position, end);
            break;
        case 4: {
            const Bytes again(position, end);
            bytes.insert(end, again.begin(), again.end());
            break;
        }
        case 5: {
            const Bytes& other = others[random.below(others.size())].bytes;
            const size_t from = random.below(other.size() + 1);
            const size_t length = std::min<size_t>(random.below(64), other.size() - from);
            const auto piece = other.begin() + static_cast<std::ptrdiff_t>(from);
            bytes.insert(position, piece, piece + static_cast<std::ptrdiff_t>(length));
            break;
        }
        default:
            if (random.below(8) == 0) bytes.resize(at);
            break;
    }
    if (bytes.size() > kMostBytes) bytes.resize(kMostBytes);
}

std::vector<Input> load(const std::string& folder) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
    // For a seed to mean the same everywhere.
    std::sort(paths.begin(), paths.end());
    std::vector<Input> inputs;
    for (const auto& path : paths) {
        if (path.extension() == ".gguf") inputs.push_back({Kind::Model, read_file(path)});
        if (path.extension() == ".flash") inputs.push_back({Kind::Store, read_file(path)});
    }
    if (inputs.empty()) throw std::runtime_error(folder + " has no inputs");
    return inputs;
}

/** Reads it as the engine does. @return whether it reached code that none before had */
bool reaches_more(const Input& input, const std::string& path) {
    write_file(path, input.bytes);
    const Watch watch;
    const size_t before = edges_seen();
    if (input.kind == Kind::Model)
        read_model(path, input.bytes.size());
    else
        read_store(path, input.bytes.size());
    return edges_seen() > before;
}

void fuzz(const std::string& corpus, const std::string& folder, double seconds, uint64_t seed) {
    std::vector<Input> inputs = load(corpus);
    const size_t given = inputs.size();
    std::filesystem::create_directories(folder);
    const std::string path = folder + "/input";
    for (const Input& input : inputs) reaches_more(input, path);
    const size_t first = edges_seen();
    Random random(seed);
    uint64_t count = given;
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < seconds) {
        // What was found last is looked at as often as all before it.
        const size_t chosen = random.below(2) == 0 ? random.below(inputs.size())
                                                   : inputs.size() - 1 - random.below((inputs.size() + 7) / 8);
        Input input = inputs[chosen];
        for (uint64_t changes = 1 + random.below(4); changes > 0; changes--) change(input.bytes, inputs, random);
        if (input.kind == Kind::Store && random.below(8) != 0) sign(input.bytes);
        if (reaches_more(input, path)) inputs.push_back(std::move(input));
        count++;
    }
    std::filesystem::remove(path);
    std::printf("%llu inputs, %zu of them new ways through %zu branches (%zu by the corpus)\n",
                static_cast<unsigned long long>(count), inputs.size() - given, edges_seen(), first);
}

}  // namespace
}  // namespace flint

int main(int count, char** arguments) {
    if (count < 4) {
        std::fprintf(stderr, "usage: flint-fuzz CORPUS FOLDER SECONDS [SEED]\n");
        return 2;
    }
    try {
        ggml_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
        const uint64_t seed = count > 4 ? std::strtoull(arguments[4], nullptr, 10) : std::random_device()();
        std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
        std::fflush(stdout);
        flint::fuzz(arguments[1], arguments[2], std::strtod(arguments[3], nullptr), seed);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
