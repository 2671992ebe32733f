// flint-convert: run by the sidecar. Prints a JSON object a line: progress, and the report at last. Exit status as the
// command line's (2 usage, 3 too little memory, 4 not a usable model, 5 the disk failed), with the reason on standard
// error.

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include "conversion.h"
#include "flash.h"
#include "footprint.h"
#include "llama.h"
#include "platform/client.h"
#include "platform/files.h"

namespace {

constexpr int kTooLittleMemory = 3;
constexpr const char* kUsage =
    "usage: flint-convert --model FILE --out FOLDER --calibrate FILE --libraries FOLDER --backend FILE\n"
    "         [--quantize TYPE] [--threads N] [--ram-cap BYTES] [--predictor ridge|svd]\n"
    "         [--order path|source] [--stdin client]\n"
    "       flint-convert --estimate FILE [--ram-cap BYTES] [--stdin client]\n"
    "With --stdin client it ends as soon as the other end of its standard input is closed.\n";

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (static_cast<unsigned char>(c) < ' ') {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
            result += escaped;
        } else {
            result += c;
        }
    }
    return result + "\"";
}

void print(const flash::ConversionReport& report) {
    std::printf(
        "{\"modelPath\":%s,\"storePath\":%s,\"modelBytes\":%" PRIu64 ",\"storeBytes\":%" PRIu64
        ",\"verifiedTokens\":%u,\"equalTokens\":%u,\"densePerplexity\":%.9g,\"predictPerplexity\":%.9g,\"layers\":[",
        quoted(report.model).c_str(), quoted(report.store).c_str(), report.model_bytes, report.store_bytes,
        report.verified_tokens, report.equal_tokens, report.dense_perplexity, report.predict_perplexity);
    const char* separator = "";
    for (const flash::LayerReport& layer : report.layers) {
        const flash::StoreFigures& figures = layer.figures;
        std::printf("%s{\"layer\":%u,\"neurons\":%" PRId64 ",\"rank\":%" PRId64 ",\"predictorBytes\":%" PRIu64
                    ",\"active\":%.6g,\"predicted\":%.6g,\"recall\":%.6g,\"precision\":%.6g,\"energy\":%.6g,"
                    "\"downError\":%.6g}",
                    separator, layer.layer, layer.neurons, layer.rank, layer.predictor_bytes,
                    static_cast<double>(figures.active), static_cast<double>(figures.predicted),
                    static_cast<double>(figures.recall), static_cast<double>(figures.precision),
                    static_cast<double>(figures.energy), static_cast<double>(figures.down_error));
        separator = ",";
    }
    std::printf("]}\n");
}

void print(const flash::ConversionEstimate& estimate) {
    std::printf("{\"modelBytes\":%" PRIu64 ",\"storeBytes\":%" PRIu64 ",\"memoryBytes\":%" PRIu64 "}\n",
                estimate.model_bytes, estimate.store_bytes, estimate.memory_bytes);
}

int fail(int status, const char* message) {
    std::fprintf(stderr, "%s\n", message);
    return status;
}

}  // namespace

int main(int count, char** given) {
    const std::vector<std::string> arguments = flash::utf8_arguments(count, given);
    std::map<std::string, std::string> options = {
        {"--threads", "1"}, {"--quantize", ""}, {"--ram-cap", "0"}, {"--predictor", "ridge"}};
    for (size_t i = 1; i + 1 < arguments.size(); i += 2) options[arguments[i]] = arguments[i + 1];
    try {
        // What it has written so far is complete, or is found to be incomplete when it goes on.
        if (options["--stdin"] == "client") flash::end_with_client(std::chrono::milliseconds(0));
        flash::ConversionRequest request;
        request.ram_cap = std::stoull(options["--ram-cap"]);
        if (options.count("--estimate") != 0) {
            request.source = options["--estimate"];
            print(flash::estimate(request));
            return 0;
        }
        for (const char* name : {"--model", "--out", "--calibrate", "--libraries", "--backend"}) {
            if (options.count(name) == 0) return fail(FLASH_INVALID_ARGUMENT, kUsage);
        }
        // Its warnings are about what we do on purpose, its errors come as ours.
        llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
        ggml_backend_load_all_from_path(options["--libraries"].c_str());
        std::ifstream file(flash::native_path(options["--calibrate"]), std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        if (!file) throw flash::DiskError("cannot read " + options["--calibrate"]);
        request.source = options["--model"];
        request.folder = options["--out"];
        request.quantize = options["--quantize"];
        request.calibration = text.str();
        request.backend = options["--backend"];
        request.threads = std::max(1, std::stoi(options["--threads"]));
        request.source_order = options["--order"] == "source";
        request.predictor = options["--predictor"] == "svd" ? flash::PredictorKind::Svd : flash::PredictorKind::Ridge;
        print(flash::convert(request, [](const std::string& stage, uint64_t done, uint64_t total) {
            std::printf("{\"stage\":%s,\"done\":%" PRIu64 ",\"total\":%" PRIu64 "}\n", quoted(stage).c_str(), done,
                        total);
            std::fflush(stdout);
        }));
        return 0;
    } catch (const flash::TooLittleMemory& error) {
        return fail(kTooLittleMemory, error.what());
    } catch (const flash::NotConvertible& error) {
        return fail(FLASH_NOT_A_MODEL, error.what());
    } catch (const flash::DiskError& error) {
        return fail(FLASH_READ_FAILED, error.what());
    } catch (const std::exception& error) {
        return fail(1, error.what());
    }
}
