#include "journal.h"

#include "output.h"

namespace flash {
namespace {

uint64_t sum_of(const Journal::Entry& entry) {
    return checksum(&entry.record, sizeof entry.record) ^
           checksum(entry.order.data(), entry.order.size() * sizeof(uint32_t));
}

}  // namespace

Journal::Journal(const std::string& path, const std::string& key) : path_(path) {
    std::ifstream file(native_path(path), std::ios::binary);
    std::string found(key.size(), '\0');
    if (file.read(found.data(), static_cast<std::streamsize>(found.size())) && found == key) {
        while (read_entry(file)) {
        }
    } else {
        file.close();
        std::ofstream(native_path(path), std::ios::binary | std::ios::trunc) << key;
    }
}

const Journal::Entry* Journal::find(uint32_t layer) const {
    const auto entry = entries_.find(layer);
    return entry == entries_.end() ? nullptr : &entry->second;
}

void Journal::add(const Entry& entry) {
    std::ofstream file(native_path(path_), std::ios::binary | std::ios::app);
    const uint64_t sum = sum_of(entry);
    file.write(reinterpret_cast<const char*>(&entry.record), sizeof entry.record);
    file.write(reinterpret_cast<const char*>(entry.order.data()),
               static_cast<std::streamsize>(entry.order.size() * sizeof(uint32_t)));
    file.write(reinterpret_cast<const char*>(&sum), sizeof sum);
    if (!file.flush()) throw DiskError("cannot write " + path_);
    entries_[entry.record.layer] = entry;
}

bool Journal::read_entry(std::ifstream& file) {
    Entry entry{};
    uint64_t sum = 0;
    if (!file.read(reinterpret_cast<char*>(&entry.record), sizeof entry.record)) return false;
    if (entry.record.neurons > kMostNeurons) return false;
    entry.order.resize(entry.record.neurons);
    if (!file.read(reinterpret_cast<char*>(entry.order.data()),
                   static_cast<std::streamsize>(entry.order.size() * sizeof(uint32_t))) ||
        !file.read(reinterpret_cast<char*>(&sum), sizeof sum) || sum != sum_of(entry)) {
        return false;
    }
    entries_[entry.record.layer] = std::move(entry);
    return true;
}

}  // namespace flash
