#include "store/store.h"

#include <algorithm>
#include <cstring>

#include "platform/files.h"

namespace flash {
namespace {

/** What std::filesystem gives for a size where it fails. */
constexpr auto kNoFile = static_cast<uint64_t>(-1);

Error damaged(const std::string& path, const std::string& what) {
    return Error{FLASH_NOT_A_MODEL, path + " is damaged: " + what + ". Convert the model again."};
}

/** Direct reads need a room of their own. */
Result<std::vector<uint8_t>> read_bytes(const Reader& reader, uint64_t offset, uint64_t size) {
    constexpr uint64_t kPiece = 1ULL << 20;
    const AlignedBuffer room(Reader::room_bytes(std::min(size, kPiece)));
    if (room.size() == 0) return Error{FLASH_READ_FAILED, "no memory to read the store with"};
    std::vector<uint8_t> bytes(size);
    for (uint64_t done = 0; done < size; done += kPiece) {
        const uint64_t count = std::min(kPiece, size - done);
        const auto data = reader.read(offset + done, count, room);
        if (!data) return data.error();
        std::memcpy(bytes.data() + done, *data, count);
    }
    return bytes;
}

bool is_row_type(uint32_t type, uint32_t width) {
    if (type >= GGML_TYPE_COUNT || ggml_blck_size(static_cast<ggml_type>(type)) <= 0) return false;
    return width % static_cast<uint64_t>(ggml_blck_size(static_cast<ggml_type>(type))) == 0;
}

Result<NeuronLayer> check_layer(const std::string& path, const StoreLayer& record, uint64_t file_bytes) {
    const std::string name = "layer " + std::to_string(record.layer);
    if (record.neurons == 0 || record.neurons > kMostNeurons || record.embedding == 0 ||
        record.embedding > kWidestEmbedding || record.rank > kHighestRank || record.rank % 32 != 0 ||
        record.embedding % 32 != 0 || !is_row_type(record.up_type, record.embedding) ||
        !is_row_type(record.down_type, record.embedding)) {
        return damaged(path, "the shape of " + name);
    }
    NeuronLayer layer{record, ggml_row_size(static_cast<ggml_type>(record.up_type), record.embedding),
                      ggml_row_size(static_cast<ggml_type>(record.down_type), record.embedding)};
    uint64_t bundles_end = 0;
    uint64_t resident_end = 0;
    if (!checked_add(record.bundles_offset, record.neurons * layer.bundle_bytes(), bundles_end) ||
        !checked_add(record.resident_offset, record.resident_bytes, resident_end) || bundles_end > file_bytes ||
        resident_end > file_bytes ||
        record.resident_bytes != resident_bytes(record.neurons, record.embedding, record.rank)) {
        return damaged(path, name + " does not lie inside the file");
    }
    return layer;
}

}  // namespace

uint64_t predictor_bytes(uint32_t neurons, uint32_t embedding, uint32_t rank) {
    if (rank == 0) return 0;
    return sizeof(float) * uint64_t{neurons} + rank * ggml_row_size(kPredictorDownType, embedding) +
           neurons * ggml_row_size(kPredictorUpType, rank);
}

uint64_t resident_bytes(uint32_t neurons, uint32_t embedding, uint32_t rank) {
    return neurons * (2 * sizeof(uint32_t) + sizeof(float)) + predictor_bytes(neurons, embedding, rank);
}

uint64_t NeuronLayer::predictor_bytes() const {
    return flash::predictor_bytes(record.neurons, record.embedding, record.rank);
}

const NeuronLayer* Store::find(uint32_t layer) const {
    const auto found = std::lower_bound(layers.begin(), layers.end(), layer,
                                        [](const NeuronLayer& a, uint32_t b) { return a.record.layer < b; });
    return found == layers.end() || found->record.layer != layer ? nullptr : &*found;
}

Result<Store> read_store(const std::string& path) {
    const std::filesystem::path file_path = native_path(path);
    std::error_code absent;
    const uint64_t file_bytes =
        std::filesystem::is_regular_file(file_path, absent) ? std::filesystem::file_size(file_path, absent) : kNoFile;
    if (file_bytes == kNoFile) {
        return Error{FLASH_NOT_A_MODEL, path + " is missing: it holds a part of the model. Convert the model again."};
    }
    const auto reader = Reader::open(path);
    if (!reader) return reader.error();
    if (file_bytes < sizeof(StoreHeader)) return damaged(path, "it is cut short");
    const auto header_bytes = read_bytes(*reader, 0, sizeof(StoreHeader));
    if (!header_bytes) return header_bytes.error();
    StoreHeader header;
    std::memcpy(&header, header_bytes->data(), sizeof header);
    if (std::memcmp(header.magic, kStoreMagic, sizeof kStoreMagic) != 0) return damaged(path, "it is no store");
    if (header.version != kStoreVersion) {
        return Error{FLASH_NOT_A_MODEL, path + " has version " + std::to_string(header.version) +
                                            " of the format, this Flint reads version " +
                                            std::to_string(kStoreVersion) + ". Convert the model again."};
    }
    if (checksum(&header, offsetof(StoreHeader, checksum)) != header.checksum) return damaged(path, "its header");
    if (header.file_bytes != file_bytes) return damaged(path, "it is cut short");
    const uint64_t layers_bytes = header.layer_count * sizeof(StoreLayer);
    if (header.layer_count == 0 || header.layer_count > kMostStoreLayers ||
        sizeof(StoreHeader) + layers_bytes > file_bytes) {
        return damaged(path, "its number of layers");
    }
    const auto layer_bytes = read_bytes(*reader, sizeof(StoreHeader), layers_bytes);
    if (!layer_bytes) return layer_bytes.error();
    if (checksum(layer_bytes->data(), layers_bytes) != header.layers_checksum)
        return damaged(path, "its list of layers");
    Store store{path, header.identity, {}};
    for (uint32_t i = 0; i < header.layer_count; i++) {
        StoreLayer record;
        std::memcpy(&record, layer_bytes->data() + i * sizeof record, sizeof record);
        const auto layer = check_layer(path, record, file_bytes);
        if (!layer) return layer.error();
        if (i > 0 && record.layer <= store.layers.back().record.layer) return damaged(path, "the order of its layers");
        store.layers.push_back(*layer);
    }
    return store;
}

Result<ResidentPart> read_resident(const Reader& reader, const Store& store, const NeuronLayer& layer,
                                   bool with_predictor) {
    const StoreLayer& record = layer.record;
    auto bytes = read_bytes(reader, record.resident_offset, record.resident_bytes);
    if (!bytes) return bytes.error();
    if (checksum(bytes->data(), bytes->size()) != record.resident_checksum) {
        return damaged(store.path, "the predictor and checksums of layer " + std::to_string(record.layer));
    }
    ResidentPart part;
    // A copy of the size that is needed: the predictor lies at the end.
    if (!with_predictor)
        bytes = std::vector<uint8_t>(bytes->data(), bytes->data() + bytes->size() - layer.predictor_bytes());
    part.memory = std::move(*bytes);
    const uint8_t* at = part.memory.data();
    const auto take = [&](uint64_t size) {
        const uint8_t* begin = at;
        at += size;
        return begin;
    };
    part.checksums = reinterpret_cast<const uint32_t*>(take(uint64_t{2} * record.neurons * sizeof(uint32_t)));
    part.frequency = reinterpret_cast<const float*>(take(record.neurons * sizeof(float)));
    if (record.rank == 0 || !with_predictor) return part;
    part.offset = reinterpret_cast<const float*>(take(record.neurons * sizeof(float)));
    part.down = take(record.rank * ggml_row_size(kPredictorDownType, record.embedding));
    part.up = take(record.neurons * ggml_row_size(kPredictorUpType, record.rank));
    return part;
}

}  // namespace flash
