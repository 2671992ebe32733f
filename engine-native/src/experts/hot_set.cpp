#include "experts/hot_set.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>

namespace flash {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();
/** No count of uses is above this, and none below its negative is worth more than never. */
constexpr double kLargestLogarithm = 1000;

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

}  // namespace

std::vector<double> HotSet::load(uint32_t experts, uint64_t model_bytes) const {
    std::vector<double> counts(experts, kNever);
    const File file(std::fopen(path_.c_str(), "r"));
    uint32_t count = 0;
    uint64_t bytes = 0;
    if (!file || std::fscanf(file.get(), "flint-experts 1 %" SCNu32 " %" SCNu64, &count, &bytes) != 2) return counts;
    if (count != experts || bytes != model_bytes) return counts;
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
    const auto failed = [&] {
        const std::string why = "cannot write " + path_ + ": " + std::strerror(errno);
        unlink(temporary.c_str());
        return why;
    };
    File file(std::fopen(temporary.c_str(), "w"));
    if (!file) return failed();
    std::fprintf(file.get(), "flint-experts 1 %zu %" PRIu64 "\n", counts.size(), model_bytes);
    for (const double count : counts) {
        if (std::abs(count) <= kLargestLogarithm)
            std::fprintf(file.get(), "%.3f\n", count);
        else
            std::fputs("-\n", file.get());
    }
    if (std::fflush(file.get()) != 0 || std::ferror(file.get()) != 0 || fsync(fileno(file.get())) != 0) return failed();
    if (std::fclose(file.release()) != 0) return failed();
    return std::rename(temporary.c_str(), path_.c_str()) == 0 ? std::string() : failed();
}

}  // namespace flash
