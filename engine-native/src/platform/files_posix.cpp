#include <unistd.h>

#include "platform/files.h"

namespace flash {

std::filesystem::path native_path(const std::string& path) { return path; }

std::vector<std::string> utf8_arguments(int count, char** arguments) { return {arguments, arguments + count}; }

FileStream open_file(const std::string& path, const char* mode) { return FileStream(std::fopen(path.c_str(), mode)); }

bool sync_file(std::FILE* file) { return fsync(fileno(file)) == 0; }

bool resize_file(std::FILE* file, uint64_t size) { return ftruncate(fileno(file), static_cast<off_t>(size)) == 0; }

bool allow_holes(std::FILE*) { return true; }

}  // namespace flash
