#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/files.h"
#include "result.h"

namespace flash {

/**
 * A recording of which experts were chosen, as text. The first line is `flint-routing 1`, then for each layer of the
 * model a line `layer PREFIX EXPERTS BYTES` (of one expert's memory), then for each MoE layer that was computed a line
 * with the layer's number, and for each of its tokens a colon and the chosen experts: `0 : 3 17 : 5 3`.
 */
class RoutingTrace {
  public:
    /** Fails with FLASH_INVALID_ARGUMENT where the file cannot be written. */
    static Result<RoutingTrace> create(const std::string& path);

    void layer(const std::string& prefix, uint32_t experts, uint64_t bytes);
    /** @param chosen of all tokens, `choices` for each */
    void record(uint32_t layer, const std::vector<int32_t>& chosen, size_t choices);

  private:
    explicit RoutingTrace(FileStream file) : file_(std::move(file)) {}

    FileStream file_;
};

}  // namespace flash
