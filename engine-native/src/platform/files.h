#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace flash {

// Paths are UTF-8 in all of this library, whatever the system thinks that bytes mean.

/** As the system wants it, of any length. */
std::filesystem::path native_path(const std::string& path);

/** Of `main`. */
std::vector<std::string> utf8_arguments(int count, char** arguments);

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using FileStream = std::unique_ptr<std::FILE, CloseFile>;

/** As std::fopen: null, with errno set, where it fails. */
FileStream open_file(const std::string& path, const char* mode);
/** Waits until what was written, and flushed, is on the disk. @return false, with errno set, where it fails */
bool sync_file(std::FILE* file);
/** Of bytes, with nothing left to flush; not every library's std::filesystem can beyond 4 GiB. @return as sync_file */
bool resize_file(std::FILE* file, uint64_t size);
/** Parts that are never written are to take no room on the disk. @return false where the file system can't */
bool allow_holes(std::FILE* file);

}  // namespace flash
