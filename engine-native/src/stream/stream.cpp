#include "stream/stream.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "ggml-impl.h"

namespace flash {
namespace {

/** Some kernels compute rows in pairs or groups: tiles end where a group does. */
constexpr int64_t kRowGroup = 32;

struct ContextFree {
    void operator()(ggml_context* context) const { ggml_free(context); }
};

}  // namespace

Result<std::unique_ptr<Stream>> Stream::open(const Model& model, const Plan& plan, StreamStats& stats) {
    std::unique_ptr<Stream> stream(new Stream(plan.staging_bytes, stats));
    if (stream->staging_.size() < plan.staging_bytes) {
        return Error{FLASH_READ_FAILED,
                     "no memory for a staging buffer of " + std::to_string(plan.staging_bytes) + " bytes"};
    }
    for (const std::string& path : model.files) {
        Result<Reader> reader = Reader::open(path);
        if (!reader) return reader.error();
        stream->readers_.push_back(std::move(*reader));
    }
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (plan.placement[i] != Placement::Streamed) continue;
        stream->tensors_.emplace(model.tensors[i].name, model.tensors[i]);
    }
    return stream;
}

const TensorInfo* Stream::find(const std::string& name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
}

Result<bool> Stream::copy(const TensorInfo& tensor, uint64_t offset, uint64_t size, void* data) const {
    const AlignedBuffer buffer(Reader::buffer_bytes(size));
    const auto bytes = readers_[tensor.file].read(tensor.offset + offset, size, buffer);
    if (!bytes) return bytes.error();
    std::memcpy(data, *bytes, size);
    return true;
}

Result<ggml_status> Stream::multiply(ggml_backend_t cpu, const TensorInfo& tensor, const ggml_tensor* node) {
    const int64_t rows = tensor.ne[1];
    const uint64_t row_bytes = tensor.size / static_cast<uint64_t>(rows);
    const uint64_t room = staging_.size() - 2 * AlignedBuffer::kAlignment;
    const int64_t fitting = static_cast<int64_t>(std::min<uint64_t>(room / row_bytes, static_cast<uint64_t>(rows)));
    const int64_t tile = fitting == rows ? rows : fitting / kRowGroup * kRowGroup;
    if (tile == 0)
        return Error{FLASH_READ_FAILED, "the staging buffer is smaller than a group of rows of " + tensor.name};

    // A graph of one node, in memory on the stack of this call; the tensors' data is elsewhere.
    constexpr size_t kGraphSize = 8;
    std::array<uint8_t, 16384> memory;
    const size_t needed = ggml_graph_overhead_custom(kGraphSize, false) + 2 * ggml_tensor_overhead();
    if (needed > memory.size()) return Error{FLASH_READ_FAILED, "ggml's graph is larger than expected"};
    const std::unique_ptr<ggml_context, ContextFree> context(ggml_init({memory.size(), memory.data(), true}));
    ggml_cgraph* graph = ggml_new_graph_custom(context.get(), kGraphSize, false);
    ggml_tensor* weights = ggml_new_tensor(context.get(), tensor.type, 2, tensor.ne.data());
    ggml_tensor* product = ggml_dup_tensor(context.get(), node);
    *product = *node;
    product->src[0] = weights;
    ggml_graph_add_node(graph, product);

    for (int64_t row = 0; row < rows; row += tile) {
        const int64_t count = std::min(tile, rows - row);
        const uint64_t size = static_cast<uint64_t>(count) * row_bytes;
        const auto bytes =
            readers_[tensor.file].read(tensor.offset + static_cast<uint64_t>(row) * row_bytes, size, staging_);
        if (!bytes) return bytes.error();
        stats_.used_bytes += size;
        stats_.read_bytes += size;
        stats_.reads++;

        weights->ne[1] = count;
        weights->nb[2] = weights->nb[3] = size;
        weights->data = const_cast<uint8_t*>(*bytes);  // kernels only read src[0]
        product->ne[0] = count;
        product->data = static_cast<uint8_t*>(node->data) + row * static_cast<int64_t>(node->nb[0]);
        const ggml_status status = ggml_backend_graph_compute(cpu, graph);
        if (status != GGML_STATUS_SUCCESS) return status;
    }
    return GGML_STATUS_SUCCESS;
}

}  // namespace flash
