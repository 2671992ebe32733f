#include "experts/trace.h"

#include <cerrno>
#include <cinttypes>
#include <cstring>

namespace flash {

Result<RoutingTrace> RoutingTrace::create(const std::string& path) {
    FileStream file = open_file(path, "w");
    if (!file) {
        return Error{FLASH_INVALID_ARGUMENT, "cannot write the trace " + path + ": " + std::strerror(errno)};
    }
    std::fputs("flint-routing 1\n", file.get());
    return RoutingTrace(std::move(file));
}

void RoutingTrace::layer(const std::string& prefix, uint32_t experts, uint64_t bytes) {
    std::fprintf(file_.get(), "layer %s %" PRIu32 " %" PRIu64 "\n", prefix.c_str(), experts, bytes);
}

void RoutingTrace::record(uint32_t layer, const std::vector<int32_t>& chosen, size_t choices) {
    std::fprintf(file_.get(), "%" PRIu32, layer);
    for (size_t i = 0; i < chosen.size(); i++) {
        if (i % choices == 0) std::fputs(" :", file_.get());
        std::fprintf(file_.get(), " %" PRId32, chosen[i]);
    }
    std::fputc('\n', file_.get());
}

}  // namespace flash
