#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flint {

/**
 * Divides a GGUF model as llama.cpp's llama-gguf-split does: PATH without .gguf, then -00001-of-00003.gguf and so on,
 * the metadata in the first. The model stays.
 * @return the parts' paths
 * @throws std::runtime_error when a file cannot be read or written
 */
std::vector<std::string> split_model(const std::string& path, uint16_t parts);

}  // namespace flint
