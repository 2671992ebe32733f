// The header of a store, whole and with each of its bytes changed.

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "store/format.h"
#include "store/store.h"
#include "tests.h"

namespace flint {
namespace {

constexpr uint32_t kNeurons = 3;
constexpr uint32_t kWidth = 32;
constexpr uint32_t kRank = 32;

using Bytes = std::vector<uint8_t>;

std::string path() { return scratch_folder() + "/small.flash"; }

void write(const Bytes& bytes) {
    std::ofstream file(path(), std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

flash::StoreHeader header_of(const Bytes& bytes) {
    flash::StoreHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    return header;
}

/** With checksums that are right, whatever the rest is. */
void sign(Bytes& bytes) {
    flash::StoreHeader header = header_of(bytes);
    const size_t layers = sizeof(flash::StoreLayer) * 2;
    header.layers_checksum = flash::checksum(bytes.data() + sizeof header, layers);
    header.checksum = flash::checksum(&header, offsetof(flash::StoreHeader, checksum));
    std::memcpy(bytes.data(), &header, sizeof header);
}

/** Two layers of three neurons. */
Bytes small_store() {
    const uint64_t resident = flash::resident_bytes(kNeurons, kWidth, kRank);
    Bytes bytes(5 * flash::kStoreAlignment);
    flash::StoreHeader header{};
    std::memcpy(header.magic, flash::kStoreMagic, sizeof header.magic);
    header.version = flash::kStoreVersion;
    header.layer_count = 2;
    header.file_bytes = bytes.size();
    std::memcpy(bytes.data(), &header, sizeof header);
    for (uint32_t i = 0; i < 2; i++) {
        flash::StoreLayer layer{};
        layer.layer = i;
        layer.neurons = kNeurons;
        layer.embedding = kWidth;
        layer.rank = kRank;
        layer.up_type = layer.down_type = GGML_TYPE_Q8_0;
        layer.bundles_offset = (1 + 2 * i) * flash::kStoreAlignment;
        layer.resident_offset = (2 + 2 * i) * flash::kStoreAlignment;
        layer.resident_bytes = resident;
        layer.resident_checksum = flash::checksum(bytes.data() + layer.resident_offset, resident);
        std::memcpy(bytes.data() + sizeof header + i * sizeof layer, &layer, sizeof layer);
    }
    sign(bytes);
    return bytes;
}

/** Reads all that is read when a model is opened. @return whether it was good */
bool opens() {
    const auto store = flash::read_store(path());
    if (!store) {
        CHECK(!store.error().message.empty());
        return false;
    }
    const auto reader = flash::Reader::open(path());
    CHECK(reader);
    for (const flash::NeuronLayer& layer : store->layers) {
        const auto part = flash::read_resident(*reader, *store, layer, true);
        if (!part) {
            CHECK(part.error().message.find("is damaged") != std::string::npos);
            return false;
        }
    }
    return true;
}

void no_byte_of_a_header_can_change_unnoticed() {
    const Bytes good = small_store();
    write(good);
    CHECK(opens());
    for (size_t at = 0; at < sizeof(flash::StoreHeader) + 2 * sizeof(flash::StoreLayer); at++) {
        Bytes bad = good;
        bad[at] ^= 0xff;
        write(bad);
        CHECK(!opens());
    }
    for (const size_t size : {size_t{0}, size_t{7}, sizeof(flash::StoreHeader), good.size() - 1, good.size() + 1}) {
        Bytes bad = good;
        bad.resize(size);
        write(bad);
        CHECK(!opens());
    }
    std::filesystem::remove(path());
}

void no_layer_can_say_what_makes_no_sense() {
    // Somebody who means it makes the checksums right. Nothing may be read or reserved beyond the file all the same.
    const Bytes good = small_store();
    const size_t first = sizeof(flash::StoreHeader);
    for (size_t at = first; at + sizeof(uint32_t) <= first + offsetof(flash::StoreLayer, figures); at += 4) {
        for (const uint32_t value : {0U, 1U, 33U, 0x7fffffffU, 0xffffffffU}) {
            Bytes bad = good;
            std::memcpy(bad.data() + at, &value, sizeof value);
            sign(bad);
            write(bad);
            const auto store = flash::read_store(path());
            if (!store) continue;
            for (const flash::NeuronLayer& layer : store->layers) {
                CHECK(layer.bundle_offset(layer.record.neurons) <= good.size());
                CHECK(layer.record.resident_offset + layer.record.resident_bytes <= good.size());
            }
            opens();
        }
    }
    std::filesystem::remove(path());
}

}  // namespace

TestCases store_tests() {
    return {
        {"no byte of a store's header can change unnoticed", no_byte_of_a_header_can_change_unnoticed},
        {"no layer of a store can say what makes no sense", no_layer_can_say_what_makes_no_sense},
    };
}

}  // namespace flint
