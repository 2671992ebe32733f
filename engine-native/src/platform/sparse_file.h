#pragma once

#include <memory>
#include <string>

#include "platform/files.h"

namespace flash {

/**
 * A file of this process alone: empty at first, and gone with this object. Parts that are never written take no room.
 * On Linux it is in memory. Elsewhere it is in the folder for temporary files; what a killed process has left there is
 * removed by the next.
 */
class SparseFile {
  public:
    /** Null where the system has no such files. */
    static std::unique_ptr<SparseFile> create();
    /** In the folder for temporary files on every system. */
    static std::unique_ptr<SparseFile> create_temporary();

    ~SparseFile();
    SparseFile(const SparseFile&) = delete;
    SparseFile& operator=(const SparseFile&) = delete;

    std::FILE* stream() const { return stream_.get(); }
    /** By which this process may open it as any other file. */
    const std::string& path() const { return path_; }

  private:
    SparseFile(FileStream stream, std::string path, bool removed)
        : stream_(std::move(stream)), path_(std::move(path)), removed_(removed) {}

    FileStream stream_;
    std::string path_;
    bool removed_;  // by this object, from the folder that it is in
};

}  // namespace flash
