#include "store_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace flash {
namespace {

bool is_plain(ggml_type type) { return type == GGML_TYPE_F32 || type == GGML_TYPE_F16 || type == GGML_TYPE_BF16; }

ggml_type down_type_of(const Block& block, ggml_type original) {
    const ggml_type type = block.down->type;
    if (is_plain(type)) return type;
    const bool fits = block.embedding() % ggml_blck_size(type) == 0 && !ggml_quantize_requires_imatrix(type);
    return is_plain(original) && fits ? type : GGML_TYPE_Q8_0;
}

std::vector<uint8_t> quantized(ggml_type type, const float* row, int64_t width) {
    std::vector<uint8_t> bytes(ggml_row_size(type, width));
    if (type == GGML_TYPE_F32)
        std::memcpy(bytes.data(), row, bytes.size());
    else
        ggml_quantize_chunk(type, row, bytes.data(), 0, 1, width, nullptr);
    return bytes;
}

double squared_error(ggml_type type, const std::vector<uint8_t>& bytes, const float* row, int64_t width) {
    if (type == GGML_TYPE_F32) return 0;
    std::vector<float> back(static_cast<size_t>(width));
    ggml_get_type_traits(type)->to_float(bytes.data(), back.data(), width);
    double sum = 0;
    for (int64_t i = 0; i < width; i++) {
        const double difference = static_cast<double>(back[static_cast<size_t>(i)]) - static_cast<double>(row[i]);
        sum += difference * difference;
    }
    return sum;
}

}  // namespace

std::vector<LayerPlan> plan_layers(const Model& skeleton, const Model& original, int64_t rank) {
    std::vector<LayerPlan> plans;
    const std::vector<Block> blocks = blocks_of(skeleton);
    const std::vector<Block> originals = blocks_of(original);
    uint64_t offset = align_up(sizeof(StoreHeader) + blocks.size() * sizeof(StoreLayer), kStoreAlignment);
    for (size_t i = 0; i < blocks.size(); i++) {
        const Block& block = blocks[i];
        LayerPlan plan{block, originals[i].down, down_type_of(block, originals[i].down->type), {}};
        StoreLayer& record = plan.record;
        record.layer = block.layer;
        record.neurons = static_cast<uint32_t>(block.neurons());
        record.embedding = static_cast<uint32_t>(block.embedding());
        record.up_type = block.up->type;
        record.down_type = plan.down_type;
        record.rank = static_cast<uint32_t>(rank);
        record.bundles_offset = offset;
        const uint64_t bundle =
            ggml_row_size(block.up->type, block.embedding()) + ggml_row_size(plan.down_type, block.embedding());
        offset = align_up(offset + record.neurons * bundle, kStoreAlignment);
        record.resident_offset = offset;
        record.resident_bytes = resident_bytes(record.neurons, record.embedding, record.rank);
        offset = align_up(offset + record.resident_bytes, kStoreAlignment);
        plans.push_back(plan);
    }
    return plans;
}

uint64_t store_bytes(const std::vector<LayerPlan>& layers) {
    const StoreLayer& last = layers.back().record;
    return align_up(last.resident_offset + last.resident_bytes, kStoreAlignment);
}

StoreLayer write_layer(OutputFile& file, const Source& skeleton, const LayerPlan& plan, const Matrix& down,
                       const LayerContent& content) {
    StoreLayer record = plan.record;
    const int64_t width = plan.block.embedding();
    const std::vector<uint8_t> up = skeleton.bytes(*plan.block.up);
    const size_t up_bytes = ggml_row_size(plan.block.up->type, width);
    std::vector<uint8_t> bundles;
    std::vector<uint32_t> checksums;
    std::vector<float> frequency;
    std::vector<float> offsets;
    std::vector<uint8_t> predictor_up;
    double error = 0;
    double total = 0;
    for (const uint32_t old : content.order) {
        const uint8_t* up_row = up.data() + old * up_bytes;
        const float* column = down.row(old);
        const std::vector<uint8_t> down_row = quantized(plan.down_type, column, width);
        error += squared_error(plan.down_type, down_row, column, width);
        total += static_cast<double>(dot(column, column, width));
        bundles.insert(bundles.end(), up_row, up_row + up_bytes);
        bundles.insert(bundles.end(), down_row.begin(), down_row.end());
        checksums.push_back(static_cast<uint32_t>(checksum(up_row, up_bytes)));
        checksums.push_back(static_cast<uint32_t>(checksum(down_row.data(), down_row.size())));
        frequency.push_back(content.frequency[old]);
        offsets.push_back(content.predictor.offset[old]);
        const std::vector<uint8_t> row =
            quantized(kPredictorUpType, content.predictor.up.row(old), content.predictor.up.columns);
        predictor_up.insert(predictor_up.end(), row.begin(), row.end());
    }
    std::vector<uint8_t> resident;
    const auto append = [&](const void* data, size_t size) {
        const auto* bytes = static_cast<const uint8_t*>(data);
        resident.insert(resident.end(), bytes, bytes + size);
    };
    append(checksums.data(), checksums.size() * sizeof(uint32_t));
    append(frequency.data(), frequency.size() * sizeof(float));
    append(offsets.data(), offsets.size() * sizeof(float));
    for (int64_t i = 0; i < content.predictor.down.rows; i++) {
        const std::vector<uint8_t> row = quantized(kPredictorDownType, content.predictor.down.row(i), width);
        append(row.data(), row.size());
    }
    append(predictor_up.data(), predictor_up.size());
    if (resident.size() != record.resident_bytes)
        throw std::runtime_error("the predictor has another size than planned");
    record.threshold = content.predictor.threshold;
    record.figures = content.predictor.figures;
    record.figures.down_error = total > 0 ? static_cast<float>(std::sqrt(error / total)) : 0;
    record.resident_checksum = checksum(resident.data(), resident.size());
    file.write(record.bundles_offset, bundles.data(), bundles.size());
    file.write(record.resident_offset, resident.data(), resident.size());
    return record;
}

void write_header(OutputFile& file, const std::vector<StoreLayer>& layers, uint64_t identity, uint64_t file_bytes) {
    StoreHeader header{};
    std::memcpy(header.magic, kStoreMagic, sizeof kStoreMagic);
    header.version = kStoreVersion;
    header.layer_count = static_cast<uint32_t>(layers.size());
    header.identity = identity;
    header.file_bytes = file_bytes;
    header.layers_checksum = checksum(layers.data(), layers.size() * sizeof(StoreLayer));
    header.checksum = checksum(&header, offsetof(StoreHeader, checksum));
    file.resize(file_bytes);
    file.write(0, &header, sizeof header);
    file.write(sizeof header, layers.data(), layers.size() * sizeof(StoreLayer));
    file.sync();
}

}  // namespace flash
