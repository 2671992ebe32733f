// flint-sparse-bench: decodes a text token by token and says what a feed-forward block costs, for docs/sparse.md. Each
// line of the table is a run of its own: --sparsity, --no-window and --no-bundles switch a technique off.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "llama.h"
#include "llama_runner.h"

namespace {

constexpr const char* kUsage =
    "usage: flint-sparse-bench --model FILE --text FILE [--sparsity exact|predict|dense] [--window BYTES | "
    "--ram-cap BYTES]\n"
    "         [--no-window] [--no-bundles] [--stock] [--tokens N] [--batch N]\n"
    "--window is memory for weights beyond the least that the model works with; --stock is llama.cpp with mmap.\n"
    "--batch is tokens that are decoded together: without a window, the neurons loaded are those that any of them "
    "uses.\n";

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) throw std::runtime_error("cannot read " + path);
    return text.str();
}

double milliseconds(uint64_t nanoseconds, uint32_t tokens) { return static_cast<double>(nanoseconds) / 1e6 / tokens; }

}  // namespace

int main(int count, char** arguments) {
    std::map<std::string, std::string> options = {
        {"--sparsity", "exact"}, {"--window", "0"}, {"--tokens", "192"}, {"--batch", "1"}};
    for (int i = 1; i < count; i++) {
        const std::string name = arguments[i];
        const bool flag = name == "--no-window" || name == "--no-bundles" || name == "--stock";
        options[name] = flag || i + 1 == count ? "yes" : arguments[++i];
    }
    if (options.count("--model") == 0 || options.count("--text") == 0) {
        std::fputs(kUsage, stderr);
        return 2;
    }
    try {
        using Clock = std::chrono::steady_clock;
        const std::string path = options["--model"];
        const auto tokens = static_cast<uint32_t>(std::stoul(options["--tokens"]));
        const auto batch = static_cast<uint32_t>(std::stoul(options["--batch"]));
        if (batch == 0 || tokens % batch != 0) throw std::runtime_error("the tokens must be whole batches");
        flint::Run run;
        const bool stock = options.count("--stock") > 0;
        if (!stock) {
            run.sparsity = options["--sparsity"] == "predict" ? FLASH_PREDICT
                           : options["--sparsity"] == "dense" ? FLASH_DENSE
                                                              : FLASH_EXACT;
            run.without_window = options.count("--no-window") > 0;
            run.without_bundles = options.count("--no-bundles") > 0;
            run.ram_cap = options.count("--ram-cap") > 0
                              ? std::stoull(options["--ram-cap"])
                              : flint::plan(path, uint64_t{1} << 40, run.sparsity).minimum_cap_bytes +
                                    std::stoull(options["--window"]);
        }
        const flash_plan planned = stock ? flash_plan{} : flint::plan(path, *run.ram_cap, run.sparsity);
        flint::LoadedModel model(path, run);
        const std::vector<int32_t> text = model.tokenize(read_file(options["--text"]));
        // The first tokens fill the windows.
        constexpr uint32_t kWarm = 32;
        if (text.size() < kWarm + tokens || kWarm + tokens > flint::kContextTokens) {
            throw std::runtime_error("the text or the context has too few tokens");
        }
        const auto decode = [&](uint32_t first, uint32_t count) {
            flint::Logits ignored;
            const std::vector<int32_t> together(text.begin() + first, text.begin() + first + count);
            if (model.decode(together, ignored) != 0) throw std::runtime_error("llama.cpp could not compute");
        };
        for (uint32_t i = 0; i < kWarm; i++) decode(i, 1);
        flash_stats before{};
        if (!stock) before = flint::stats_of_all();
        const Clock::time_point start = Clock::now();
        for (uint32_t i = kWarm; i < kWarm + tokens; i += batch) decode(i, batch);
        const double total = std::chrono::duration<double, std::milli>(Clock::now() - start).count() / tokens;
        flash_stats after = before;
        if (!stock) after = flint::stats_of_all();
        const auto share = [&](uint64_t part) {
            const uint64_t neurons = std::max<uint64_t>(1, after.neurons - before.neurons);
            return 100 * static_cast<double>(part) / static_cast<double>(neurons);
        };
        std::printf(
            "{\"windowBytes\":%.0f,\"streamedBytes\":%.0f,\"ms\":%.3f,\"bytesPerToken\":%.0f,\"readsPerToken\":%.2f,"
            "\"activePercent\":%.2f,\"loadedPercent\":%.2f,"
            "\"ioMs\":%.3f,\"managementMs\":%.3f,\"predictionMs\":%.3f,\"computeMs\":%.3f}\n",
            static_cast<double>(planned.window_bytes), static_cast<double>(planned.streamed_bytes), total,
            static_cast<double>(after.read_bytes - before.read_bytes) / tokens,
            static_cast<double>(after.reads - before.reads) / tokens,
            share(after.active_neurons - before.active_neurons), share(after.loaded_neurons - before.loaded_neurons),
            milliseconds(after.neuron_io - before.neuron_io, tokens),
            milliseconds(after.neuron_management - before.neuron_management, tokens),
            milliseconds(after.neuron_prediction - before.neuron_prediction, tokens),
            milliseconds(after.neuron_compute - before.neuron_compute, tokens));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "flint-sparse-bench: %s\n", error.what());
        return 1;
    }
}
