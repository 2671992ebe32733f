#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "store/format.h"

namespace flash {

/** What is done of a conversion that may be interrupted: a file to which each layer is added. */
class Journal {
  public:
    struct Entry {
        StoreLayer record;
        std::vector<uint32_t> order;
    };

    /** Forgets what a conversion with another key has left. */
    Journal(const std::string& path, const std::string& key);

    const Entry* find(uint32_t layer) const;
    /** Throws DiskError. */
    void add(const Entry& entry);

  private:
    /** False at the end, and where an entry was not written to its own end. */
    bool read_entry(std::ifstream& file);

    std::string path_;
    std::map<uint32_t, Entry> entries_;
};

}  // namespace flash
