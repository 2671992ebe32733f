#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "gguf.h"

namespace flash {

/** What makes a model unusable, as the rest of a sentence that begins with "it". Never leaves this folder. */
struct Fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/**
 * The values of a GGUF header as llama.cpp reads them: of exactly the types that it wants. The functions throw a Fault
 * for a value of another type.
 */
class Metadata {
  public:
    Metadata(const gguf_context* header, std::string architecture);

    const std::string& architecture() const { return architecture_; }
    const gguf_context* header() const { return header_; }
    /** The full name of one of the architecture's values. */
    std::string name(const char* key) const { return architecture_ + "." + key; }

    /** A whole number of 32 bits; none where it is absent. */
    std::optional<uint64_t> count(const char* key) const;
    /** As `count`, and no wider than any model's. */
    std::optional<uint64_t> width(const char* key) const;
    /** One number for each layer, from an array or from a single number; none where it is absent. */
    std::optional<std::vector<uint64_t>> per_layer(const char* key, uint64_t layers) const;
    std::optional<float> real(const char* key) const;
    std::optional<std::string> text(const std::string& full_name) const;
    /** The index of an array with elements of one of these types; none where it is absent. */
    std::optional<int64_t> array(const std::string& full_name, const std::vector<gguf_type>& types) const;

  private:
    const gguf_context* header_;
    std::string architecture_;
};

/** "llama.block_count is 513", and so on. */
std::string value_is(const std::string& name, uint64_t value);

}  // namespace flash
