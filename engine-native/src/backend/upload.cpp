#include "backend/upload.h"

#include <memory>

#include "reader/reader.h"

namespace flash {
namespace {

using SharedMemory = std::shared_ptr<AlignedBuffer>;

void buffer_free(ggml_backend_buffer_t buffer) {
    const std::unique_ptr<SharedMemory> context(static_cast<SharedMemory*>(buffer->context));
}

void* buffer_get_base(ggml_backend_buffer_t buffer) { return (*static_cast<SharedMemory*>(buffer->context))->data(); }

const ggml_backend_buffer_i kBufferInterface = {
    /* .free_buffer   = */ buffer_free,
    /* .get_base      = */ buffer_get_base,
    /* .init_tensor   = */ nullptr,
    /* .memset_tensor = */ nullptr,
    /* .set_tensor    = */ nullptr,
    /* .get_tensor    = */ nullptr,
    /* .set_tensor_2d = */ nullptr,
    /* .get_tensor_2d = */ nullptr,
    /* .cpy_tensor    = */ nullptr,
    /* .clear         = */ nullptr,
    /* .reset         = */ nullptr,
};

const char* buffer_type_get_name(ggml_backend_buffer_type_t) { return "Flash_Upload"; }

ggml_backend_buffer_t buffer_type_alloc(ggml_backend_buffer_type_t type, size_t size) {
    // A model is loaded by one thread, which gives its buffers back before it loads another.
    static thread_local std::weak_ptr<AlignedBuffer> current;
    SharedMemory memory = current.lock();
    if (!memory || memory->size() < size) {
        memory = std::make_shared<AlignedBuffer>(size);
        if (memory->size() < size) return nullptr;
        current = memory;
    }
    return ggml_backend_buffer_init(type, kBufferInterface, std::make_unique<SharedMemory>(std::move(memory)).release(),
                                    size);
}

size_t buffer_type_get_alignment(ggml_backend_buffer_type_t) { return kReadAlignment; }
bool buffer_type_is_host(ggml_backend_buffer_type_t) { return true; }

const ggml_backend_buffer_type_i kBufferTypeInterface = {
    /* .get_name       = */ buffer_type_get_name,
    /* .alloc_buffer   = */ buffer_type_alloc,
    /* .get_alignment  = */ buffer_type_get_alignment,
    /* .get_max_size   = */ nullptr,
    /* .get_alloc_size = */ nullptr,
    /* .is_host        = */ buffer_type_is_host,
};

}  // namespace

ggml_backend_buffer_type_t Upload::buffer_type(ggml_backend_dev_t device) {
    static ggml_backend_buffer_type type = {kBufferTypeInterface, device, nullptr};
    return &type;
}

ggml_backend_event_t Upload::event_new(ggml_backend_dev_t device) {
    return std::make_unique<ggml_backend_event>(ggml_backend_event{device, nullptr}).release();
}

void Upload::event_free(ggml_backend_dev_t, ggml_backend_event_t event) {
    const std::unique_ptr<ggml_backend_event> owned(event);
}

void Upload::event_record(ggml_backend_t, ggml_backend_event_t) {}

void Upload::event_synchronize(ggml_backend_dev_t, ggml_backend_event_t) {}

}  // namespace flash
