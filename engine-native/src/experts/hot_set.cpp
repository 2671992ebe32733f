#include "experts/hot_set.h"

#include <cerrno>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "platform/files.h"

namespace flash {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();
/** No count of uses is above this, and none below its negative is worth more than never. */
constexpr double kLargestLogarithm = 1000;

}  // namespace

std::vector<double> HotSet::load(uint32_t experts, uint64_t model_bytes) const {
    std::vector<double> counts(experts, kNever);
    const FileStream file = open_file(path_, "r");
    char count[24];
    char bytes[24];
    if (!file || std::fscanf(file.get(), "flint-experts 1 %23s %23s", count, bytes) != 2) return counts;
    if (count != std::to_string(experts) || bytes != std::to_string(model_bytes)) return counts;
    std::vector<double> read = counts;
    for (double& value : read) {
        char word[64];
        if (std::fscanf(file.get(), "%63s", word) != 1) return counts;
        char* end = nullptr;
        const double parsed = std::strtod(word, &end);
        if (*end == '\0' && std::abs(parsed) <= kLargestLogarithm) value = parsed;
    }
    return read;
}

std::string HotSet::save(const std::vector<double>& counts, uint64_t model_bytes) const {
    const std::string temporary = path_ + ".part";
    FileStream file = open_file(temporary, "w");
    const auto failed = [&](const std::string& words) {
        file.reset();  // Windows removes no file that is open
        std::error_code ignored;
        std::filesystem::remove(native_path(temporary), ignored);
        return "cannot write " + path_ + ": " + words;
    };
    if (!file) return failed(std::strerror(errno));
    std::fprintf(file.get(), "flint-experts 1 %zu %" PRIu64 "\n", counts.size(), model_bytes);
    for (const double count : counts) {
        if (std::abs(count) <= kLargestLogarithm)
            std::fprintf(file.get(), "%.3f\n", count);
        else
            std::fputs("-\n", file.get());
    }
    if (std::fflush(file.get()) != 0 || std::ferror(file.get()) != 0 || !sync_file(file.get()))
        return failed(std::strerror(errno));
    if (std::fclose(file.release()) != 0) return failed(std::strerror(errno));
    std::error_code error;
    std::filesystem::rename(native_path(temporary), native_path(path_), error);
    return error ? failed(error.message()) : std::string();
}

}  // namespace flash
