#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace flash {

/** What llama.cpp's graph of an architecture asserts of an attention head. */
enum class HeadRule : uint8_t {
    Any,
    EqualKeysAndValues,  // keys and values have the same width
    WhollyRotated,       // and RoPE rotates all of it
};

/**
 * The architectures that the llama.cpp of node-llama-cpp can run, and the rule of each: from its src/llama-arch.cpp and
 * src/models. A test compares them with these sources.
 * @return none for an architecture that llama.cpp does not know
 */
std::optional<HeadRule> head_rule_of(const std::string& architecture);

}  // namespace flash
