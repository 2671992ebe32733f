#include "backend/buffer.h"

#include <algorithm>
#include <cstring>

#include "backend/current_load.h"
#include "ggml-backend-impl.h"
#include "ggml-impl.h"
#include "platform/memory.h"

namespace flash {
namespace {

struct FlashBuffer {
    std::shared_ptr<ServedModel> served;
    AddressRange addresses;
};

FlashBuffer& context_of(ggml_backend_buffer_t buffer) { return *static_cast<FlashBuffer*>(buffer->context); }

void buffer_free(ggml_backend_buffer_t buffer) { const std::unique_ptr<FlashBuffer> context(&context_of(buffer)); }

void* buffer_get_base(ggml_backend_buffer_t buffer) { return context_of(buffer).addresses.data(); }

void buffer_memset_tensor(ggml_backend_buffer_t, ggml_tensor*, uint8_t, size_t, size_t) {}

// llama.cpp passes each tensor's bytes once, during the load; they are zeros where it loads the skeleton. Only pinned
// weights are kept: the others stay on flash.
void buffer_set_tensor(ggml_backend_buffer_t buffer, ggml_tensor* tensor, const void* data, size_t offset,
                       size_t size) {
    ServedModel& served = *context_of(buffer).served;
    const TensorInfo* info = served.stream->find(tensor->name, Use::Multiply);
    if (info == nullptr || !served.stream->pinned(*info)) return;
    auto* target = static_cast<uint8_t*>(tensor->data) + offset;
    GGML_ASSERT(context_of(buffer).addresses.open(target, size) && "no memory for a pinned weight");
    if (!served.skeleton) {
        std::memcpy(target, data, size);
        return;
    }
    const Span all{info->offset + offset, size};
    const auto read = served.skeleton->read({{info->file, all}}, [&](const uint8_t* bytes, size_t, Span span) {
        std::memcpy(target + (span.offset - all.offset), bytes, span.size);
    });
    if (!read) served.fail(read.error());
}

void buffer_get_tensor(ggml_backend_buffer_t buffer, const ggml_tensor* tensor, void* data, size_t offset,
                       size_t size) {
    ServedModel& served = *context_of(buffer).served;
    const TensorInfo* experts = served.experts ? served.experts->find(tensor->name) : nullptr;
    const TensorInfo* info = experts != nullptr ? experts : served.stream->find(tensor->name, Use::Multiply);
    if (info == nullptr) info = served.stream->find(tensor->name, Use::Rows);
    GGML_ASSERT(info != nullptr);
    const auto copied = experts != nullptr ? served.experts->copy(*info, offset, size, data)
                                           : served.stream->copy(*info, offset, size, data);
    if (!copied) {
        served.fail(copied.error());
        std::memset(data, 0, size);
    }
}

void buffer_clear(ggml_backend_buffer_t, uint8_t) {}

const ggml_backend_buffer_i kBufferInterface = {
    /* .free_buffer   = */ buffer_free,
    /* .get_base      = */ buffer_get_base,
    /* .init_tensor   = */ nullptr,
    /* .memset_tensor = */ buffer_memset_tensor,
    /* .set_tensor    = */ buffer_set_tensor,
    /* .get_tensor    = */ buffer_get_tensor,
    /* .set_tensor_2d = */ nullptr,
    /* .get_tensor_2d = */ nullptr,
    /* .cpy_tensor    = */ nullptr,
    /* .clear         = */ buffer_clear,
    /* .reset         = */ nullptr,
};

// buffer type

// llama.cpp loads buffer types in the order of their names. This one must come before "CPU": the memory through which
// weights get here is then freed before the resident weights take memory.
const char* buffer_type_get_name(ggml_backend_buffer_type_t) { return "At_Flash"; }

ggml_backend_buffer_t buffer_type_alloc(ggml_backend_buffer_type_t type, size_t size) {
    std::shared_ptr<ServedModel> served = current_load();
    if (!served) return nullptr;
    AddressRange addresses(size, true);
    if (addresses.size() == 0) return nullptr;
    served->has_weights = true;
    auto context = std::make_unique<FlashBuffer>(FlashBuffer{std::move(served), std::move(addresses)});
    return ggml_backend_buffer_init(type, kBufferInterface, context.release(), size);
}

size_t buffer_type_get_alignment(ggml_backend_buffer_type_t) { return 64; }

const ggml_backend_buffer_type_i kBufferTypeInterface = {
    /* .get_name       = */ buffer_type_get_name,
    /* .alloc_buffer   = */ buffer_type_alloc,
    /* .get_alignment  = */ buffer_type_get_alignment,
    /* .get_max_size   = */ nullptr,
    /* .get_alloc_size = */ nullptr,
    /* .is_host        = */ nullptr,
};

/** The name alone is not enough: another model may be loaded at the same time as the one that was named. */
bool is_same(const TensorInfo& info, const ggml_tensor& weight) {
    return info.type == weight.type && std::equal(info.ne.begin(), info.ne.end(), weight.ne);
}

}  // namespace

ggml_backend_buffer_type_t flash_buffer_type() {
    static ggml_backend_buffer_type type = {kBufferTypeInterface, registered_device(), nullptr};
    return &type;
}

bool is_matrix_operation(const ggml_tensor* op) {
    return op->op == GGML_OP_MUL_MAT || op->op == GGML_OP_MUL_MAT_ID || op->op == GGML_OP_GET_ROWS;
}

std::optional<Weight> find_weight(const ggml_tensor* op) {
    const ggml_tensor* weight = op->src[0];
    if (weight == nullptr || weight->buffer == nullptr || weight->buffer->buft != flash_buffer_type()) return {};
    if (!is_matrix_operation(op)) return {};
    // llama.cpp asks for a weight that it has not placed yet, in a buffer without content.
    const auto* placed = static_cast<const FlashBuffer*>(weight->buffer->context);
    const std::shared_ptr<ServedModel> served = placed == nullptr ? current_load() : placed->served;
    if (!served) return {};
    const TensorInfo* info = nullptr;
    if (op->op == GGML_OP_MUL_MAT_ID) {
        if (served->experts) info = served->experts->find(weight->name);
    } else {
        info = served->stream->find(weight->name, op->op == GGML_OP_MUL_MAT ? Use::Multiply : Use::Rows);
    }
    if (info == nullptr || !is_same(*info, *weight)) return {};
    return Weight{info, served.get()};
}

}  // namespace flash
