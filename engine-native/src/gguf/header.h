#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reader/reader.h"

namespace flash {

/** Of all parts of a model: several times those of any, few enough to compare each with all. */
constexpr uint64_t kMostTensors = 1ULL << 13;

/**
 * Looks through the header of a GGUF file before ggml does, which believes more than is good: it compares each name
 * with all before it, reserves what an array says it has, and its products overflow. Afterwards it ends in well under a
 * second, within four times the header's size in memory. As models/gguf/header.ts, of files that are here.
 * @param file_bytes the length of the file, which begins with the magic
 * @return what makes no sense in it, as the rest of a sentence; none where ggml may read it
 */
std::optional<std::string> header_fault(const std::string& path, uint64_t file_bytes);

/** One of a header's values: the name, and the bytes of name, type and value together. */
struct HeaderValue {
    std::string name;
    Span span;
};

/** All values of a header, in their order; none where the file has changed since it had no fault. */
std::optional<std::vector<HeaderValue>> header_values(const std::string& path);

}  // namespace flash
