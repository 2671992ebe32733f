// The ggml vtables of the Flash backend, and nothing else. Two devices: the registered one hands out the flash buffer
// type, so that llama.cpp offers it every weight; a backend points at a private one whose default buffer type is the
// CPU's, so that the scheduler allocates the outputs of our operations in ordinary memory. There are two of these: for
// the contexts of a model that we serve, and for those of all others, which are llama.cpp's alone.

#include <algorithm>
#include <cstring>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "backend/api.h"
#include "backend/buffer.h"
#include "backend/current_load.h"
#include "backend/graph.h"
#include "backend/upload.h"
#include "compute/layout.h"
#include "ggml-backend-impl.h"
#include "ggml-impl.h"

namespace flash {
namespace {

// backend

FlashBackend& context_of(ggml_backend_t backend) { return *static_cast<FlashBackend*>(backend->context); }

const char* backend_get_name(ggml_backend_t) { return FLASH_BACKEND_NAME; }

void backend_free(ggml_backend_t backend) {
    const std::unique_ptr<ggml_backend> owned(backend);
    const std::unique_ptr<FlashBackend> context(&context_of(backend));
}

ggml_status backend_graph_compute(ggml_backend_t backend, ggml_cgraph* graph) {
    return compute(context_of(backend), graph);
}

const ggml_backend_i kBackendInterface = {
    /* .get_name            = */ backend_get_name,
    /* .free                = */ backend_free,
    /* .set_tensor_async    = */ nullptr,
    /* .get_tensor_async    = */ nullptr,
    /* .set_tensor_2d_async = */ nullptr,
    /* .get_tensor_2d_async = */ nullptr,
    /* .cpy_tensor_async    = */ nullptr,
    /* .synchronize         = */ nullptr,
    /* .graph_plan_create   = */ nullptr,
    /* .graph_plan_free     = */ nullptr,
    /* .graph_plan_update   = */ nullptr,
    /* .graph_plan_compute  = */ nullptr,
    /* .graph_compute       = */ backend_graph_compute,
    /* .event_record        = */ Upload::event_record,
    /* .event_wait          = */ nullptr,
    /* .graph_optimize      = */ nullptr,
};

ggml_guid_t backend_guid() {
    static ggml_guid guid = {0xf1, 0xa5, 0x4b, 0x1c, 0x6e, 0x0d, 0x4f, 0x57,
                             0x9a, 0x21, 0x33, 0xd8, 0x70, 0x5e, 0xc2, 0x94};
    return &guid;
}

// device

const char* device_get_name(ggml_backend_dev_t) { return FLASH_BACKEND_NAME; }
const char* device_get_description(ggml_backend_dev_t) { return "Weights streamed from flash"; }

void device_get_memory(ggml_backend_dev_t, size_t* free, size_t* total) { *free = *total = 0; }

enum ggml_backend_dev_type device_get_type(ggml_backend_dev_t) { return GGML_BACKEND_DEVICE_TYPE_ACCEL; }

void device_get_props(ggml_backend_dev_t device, ggml_backend_dev_props* props) {
    *props = {};
    props->name = device_get_name(device);
    props->description = device_get_description(device);
    props->type = device_get_type(device);
    // What it takes for llama.cpp to load in pieces: see Upload. Of contexts it would take that for pipelines over
    // GPUs, for which we would have to wait for events.
    props->caps.async = props->caps.host_buffer = props->caps.events = device == registered_device();
}

ggml_backend_dev_t serving_device();
ggml_backend_dev_t idle_device();

ggml_backend_t device_init_backend(ggml_backend_dev_t, const char*) {
    auto context = std::make_unique<FlashBackend>();
    if (const auto ready = context->workers.resize(1); !ready) {
        GGML_LOG_ERROR("%s\n", ready.error().message.c_str());
        return nullptr;
    }
    auto backend = std::make_unique<ggml_backend>();
    if (auto served = current_load(); served && served->computes()) context->served = std::move(served);
    ggml_backend_dev_t device = context->served ? serving_device() : idle_device();
    *backend = ggml_backend{backend_guid(), kBackendInterface, device, context.release()};
    return backend.release();
}

ggml_backend_buffer_type_t device_get_buffer_type(ggml_backend_dev_t) { return flash_buffer_type(); }
ggml_backend_buffer_type_t private_device_get_buffer_type(ggml_backend_dev_t) { return ggml_backend_cpu_buffer_type(); }

bool is_weight(const ggml_tensor* tensor) {
    return tensor->buffer != nullptr && tensor->buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS;
}

/** Whether we can divide products with weights of this type among our workers. */
bool is_known(ggml_backend_buffer_type_t type) { return ggml_backend_buft_is_host(type) || layout_of(type) != nullptr; }

// Of the graph of a served model we claim all operations except those whose weights llama.cpp keeps in a layout that we
// do not know: each change of backend starts and ends a set of threads, which spin on the cores that our workers use.
bool device_supports_op(ggml_backend_dev_t device, const ggml_tensor* op) {
    if (find_weight(op)) return true;
    for (const ggml_tensor* source : op->src) {
        if (source != nullptr && source->buffer != nullptr && source->buffer->buft == flash_buffer_type()) return false;
    }
    switch (op->op) {
        case GGML_OP_NONE:
        case GGML_OP_VIEW:
        case GGML_OP_RESHAPE:
        case GGML_OP_PERMUTE:
        case GGML_OP_TRANSPOSE:
            return true;
        default:
            break;
    }
    if (device != serving_device()) return false;
    if (is_matrix_operation(op) && is_weight(op->src[0]) && !is_known(op->src[0]->buffer->buft)) return false;
    ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    return cpu != nullptr && ggml_backend_dev_supports_op(cpu, op);
}

bool device_supports_buft(ggml_backend_dev_t device, ggml_backend_buffer_type_t type) {
    return type == flash_buffer_type() ||
           (device == serving_device() ? is_known(type) : ggml_backend_buft_is_host(type));
}

constexpr ggml_backend_device_i device_interface(ggml_backend_buffer_type_t (*get_buffer_type)(ggml_backend_dev_t)) {
    return {
        /* .get_name             = */ device_get_name,
        /* .get_description      = */ device_get_description,
        /* .get_memory           = */ device_get_memory,
        /* .get_type             = */ device_get_type,
        /* .get_props            = */ device_get_props,
        /* .init_backend         = */ device_init_backend,
        /* .get_buffer_type      = */ get_buffer_type,
        /* .get_host_buffer_type = */ Upload::buffer_type,
        /* .buffer_from_host_ptr = */ nullptr,
        /* .supports_op          = */ device_supports_op,
        /* .supports_buft        = */ device_supports_buft,
        /* .offload_op           = */ nullptr,
        /* .event_new            = */ Upload::event_new,
        /* .event_free           = */ Upload::event_free,
        /* .event_synchronize    = */ Upload::event_synchronize,
    };
}

// registry

void set_threads(ggml_backend_t backend, int count) {
    const auto resized = context_of(backend).workers.resize(static_cast<unsigned>(std::max(1, count)));
    if (!resized) GGML_LOG_ERROR("%s\n", resized.error().message.c_str());
}

void set_abort_callback(ggml_backend_t backend, ggml_abort_callback callback, void* data) {
    context_of(backend).abort_callback = callback;
    context_of(backend).abort_data = data;
}

const char* registry_get_name(ggml_backend_reg_t) { return FLASH_BACKEND_NAME; }
size_t registry_get_device_count(ggml_backend_reg_t) { return 1; }
ggml_backend_dev_t registry_get_device(ggml_backend_reg_t, size_t) { return registered_device(); }

void* registry_get_proc_address(ggml_backend_reg_t, const char* name) {
    if (std::strcmp(name, "ggml_backend_set_n_threads") == 0) return reinterpret_cast<void*>(set_threads);
    if (std::strcmp(name, "ggml_backend_set_abort_callback") == 0) return reinterpret_cast<void*>(set_abort_callback);
    if (std::strcmp(name, FLASH_API_NAME) == 0) return const_cast<flash_api*>(api());
    return nullptr;
}

ggml_backend_reg_t registry() {
    static ggml_backend_reg registry = {
        /* .api_version = */ GGML_BACKEND_API_VERSION,
        /* .iface       = */
        {registry_get_name, registry_get_device_count, registry_get_device, registry_get_proc_address},
        /* .context     = */ nullptr,
    };
    return &registry;
}

ggml_backend_dev_t serving_device() {
    static ggml_backend_device device = {device_interface(private_device_get_buffer_type), registry(), nullptr};
    return &device;
}

ggml_backend_dev_t idle_device() {
    static ggml_backend_device device = {device_interface(private_device_get_buffer_type), registry(), nullptr};
    return &device;
}

}  // namespace

ggml_backend_dev_t registered_device() {
    static ggml_backend_device device = {device_interface(device_get_buffer_type), registry(), nullptr};
    return &device;
}
}  // namespace flash

#ifdef _WIN32
#define FLASH_EXPORT __declspec(dllexport)
#else
#define FLASH_EXPORT __attribute__((visibility("default")))
#endif

/** What ggml looks up in a backend library. */
extern "C" FLASH_EXPORT ggml_backend_reg_t ggml_backend_init(void) {
#ifdef __GLIBC__
    // The copies that a model is loaded through go back to the system when they are freed. By default glibc learns to
    // keep blocks of their size, and they would count against the cap until the end.
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
    return flash::registry();
}
