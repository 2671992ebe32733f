#pragma once

#include <memory>
#include <string>

#include "platform/files.h"

namespace flash {

/** A file that is in memory alone, is empty at first, and is gone with this object; parts never written take none. */
class MemoryFile {
  public:
    /** Null where the system has no such files. */
    static std::unique_ptr<MemoryFile> create();

    std::FILE* stream() const { return stream_.get(); }
    /** By which this process may open it as any other file. */
    const std::string& path() const { return path_; }

  private:
    MemoryFile(FileStream stream, std::string path) : stream_(std::move(stream)), path_(std::move(path)) {}

    FileStream stream_;
    std::string path_;
};

}  // namespace flash
