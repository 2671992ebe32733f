// The ggml vtables of the Flash backend, and nothing else. Two devices: the registered one hands out the flash buffer
// type, so that llama.cpp offers it every weight; the backend points at a private one whose default buffer type is the
// CPU's, so that the scheduler allocates the outputs of our operations in ordinary memory.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <unordered_map>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "backend/engine.h"
#include "backend/token_by_token.h"
#include "backend/upload.h"
#include "experts/pass.h"
#include "ggml-backend-impl.h"
#include "ggml-impl.h"

namespace flash {
namespace {

ggml_backend_dev_t registered_device();
ggml_backend_buffer_type_t flash_buffer_type();

// buffer: addresses that nothing may touch, but for pinned weights: these are where llama.cpp puts them

struct FlashBuffer {
    std::shared_ptr<Served> served;
    void* base;
    size_t size;
};

/** How many there are: while there is none, llama.cpp does everything as it would without us. */
std::atomic<int> flash_buffers{0};

FlashBuffer& context_of(ggml_backend_buffer_t buffer) { return *static_cast<FlashBuffer*>(buffer->context); }

void buffer_free(ggml_backend_buffer_t buffer) {
    const std::unique_ptr<FlashBuffer> context(&context_of(buffer));
    munmap(context->base, context->size);
    flash_buffers--;
}

void* buffer_get_base(ggml_backend_buffer_t buffer) { return context_of(buffer).base; }

void buffer_memset_tensor(ggml_backend_buffer_t, ggml_tensor*, uint8_t, size_t, size_t) {}

/** Makes the pages of this memory real. */
bool open_pages(void* data, size_t size) {
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<uintptr_t>(data) & ~(page - 1);
    return mprotect(reinterpret_cast<void*>(begin), reinterpret_cast<uintptr_t>(data) + size - begin,
                    PROT_READ | PROT_WRITE) == 0;
}

// llama.cpp brings each tensor's bytes once, at load. Those of streamed ones are on flash already.
void buffer_set_tensor(ggml_backend_buffer_t buffer, ggml_tensor* tensor, const void* data, size_t offset,
                       size_t size) {
    const Served& served = *context_of(buffer).served;
    if (served.experts) {
        const TensorInfo* experts = served.experts->find(tensor->name);
        if (experts != nullptr) return served.experts->bring(*experts, data, offset, size);
    }
    const TensorInfo* info = served.stream->find(tensor->name, Use::Multiply);
    if (info == nullptr || !served.stream->pinned(*info)) return;
    auto* target = static_cast<uint8_t*>(tensor->data) + offset;
    GGML_ASSERT(open_pages(target, size) && "no memory for a pinned weight");
    std::memcpy(target, data, size);
}

void buffer_get_tensor(ggml_backend_buffer_t buffer, const ggml_tensor* tensor, void* data, size_t offset,
                       size_t size) {
    const Served& served = *context_of(buffer).served;
    const TensorInfo* experts = served.experts ? served.experts->find(tensor->name) : nullptr;
    const TensorInfo* info = experts != nullptr ? experts : served.stream->find(tensor->name, Use::Multiply);
    if (info == nullptr) info = served.stream->find(tensor->name, Use::Rows);
    GGML_ASSERT(info != nullptr);
    const auto copied = experts != nullptr ? served.experts->copy(*info, offset, size, data)
                                           : served.stream->copy(*info, offset, size, data);
    if (!copied) {
        Engine::instance().fail(copied.error());
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

// llama.cpp loads buffer types in the order of their names. Ours must come before "CPU": the memory through which it
// brings us weights is then gone before the resident weights take their place.
const char* buffer_type_get_name(ggml_backend_buffer_type_t) { return "At_Flash"; }

ggml_backend_buffer_t buffer_type_alloc(ggml_backend_buffer_type_t type, size_t size) {
    std::shared_ptr<Served> served = Engine::instance().configured();
    if (!served) return nullptr;
    void* base = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return nullptr;
    auto context = std::make_unique<FlashBuffer>(FlashBuffer{std::move(served), base, size});
    flash_buffers++;
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

ggml_backend_buffer_type_t flash_buffer_type() {
    static ggml_backend_buffer_type type = {kBufferTypeInterface, registered_device(), nullptr};
    return &type;
}

bool is_matrix_operation(const ggml_tensor* op) {
    return op->op == GGML_OP_MUL_MAT || op->op == GGML_OP_MUL_MAT_ID || op->op == GGML_OP_GET_ROWS;
}

/** A weight of ours that an operation uses, and what serves it. */
struct Weight {
    const TensorInfo* info;
    Served* served;
};

/** Nothing when the weight that `op` uses is none of ours, or not for this operation. */
std::optional<Weight> find_weight(const ggml_tensor* op) {
    const ggml_tensor* weight = op->src[0];
    if (weight == nullptr || weight->buffer == nullptr || weight->buffer->buft != flash_buffer_type()) return {};
    if (!is_matrix_operation(op)) return {};
    // llama.cpp asks for a weight that it has not placed yet, in a buffer without content.
    const auto* placed = static_cast<const FlashBuffer*>(weight->buffer->context);
    const std::shared_ptr<Served> served = placed == nullptr ? Engine::instance().configured() : placed->served;
    if (!served) return {};
    const TensorInfo* info = nullptr;
    if (op->op == GGML_OP_MUL_MAT_ID) {
        if (served->experts) info = served->experts->find(weight->name);
    } else {
        info = served->stream->find(weight->name, op->op == GGML_OP_MUL_MAT ? Use::Multiply : Use::Rows);
    }
    if (info == nullptr) return {};
    return Weight{info, served.get()};
}

// backend

struct FlashBackend {
    Workers workers;
    ggml_abort_callback abort_callback = nullptr;
    void* abort_data = nullptr;
};

FlashBackend& context_of(ggml_backend_t backend) { return *static_cast<FlashBackend*>(backend->context); }

bool should_abort(void* data) {
    const auto& context = *static_cast<FlashBackend*>(data);
    return Engine::instance().aborted() ||
           (context.abort_callback != nullptr && context.abort_callback(context.abort_data));
}

const char* backend_get_name(ggml_backend_t) { return FLASH_BACKEND_NAME; }

void backend_free(ggml_backend_t backend) {
    const std::unique_ptr<ggml_backend> owned(backend);
    const std::unique_ptr<FlashBackend> context(&context_of(backend));
}

/** The MoE layers of a graph, one after the other: of each, all experts that are missing are read at once. */
class ExpertLayers {
  public:
    explicit ExpertLayers(const ggml_cgraph* graph) : graph_(graph) {
        for (int i = 0; i < graph->n_nodes; i++) {
            const ggml_tensor* node = graph->nodes[i];
            if (node->op == GGML_OP_MUL_MAT_ID && find_weight(node)) layers_.emplace(source_of(node->src[2]), i);
        }
    }

    /** Whether this node says which experts a later layer uses. */
    bool routes(const ggml_tensor* node) const { return !layers_.empty() && layers_.count(node) > 0; }

    /** Once `node` is computed: reads for its layer begin, long before the first product where the router comes early.
     */
    void prefetch(const ggml_tensor* node) {
        if (pass_ && left_ > 0) return;
        begin(layers_.at(node));
    }

    Result<ggml_status> multiply(Workers& workers, const Weight& weight, int index, const Stream::Stop& stop) {
        const ggml_tensor* node = graph_->nodes[index];
        if (!pass_ || pass_->ids() != node->src[2]) begin(index);
        left_--;
        return pass_->multiply(workers, *weight.info, node, stop);
    }

  private:
    static const ggml_tensor* source_of(const ggml_tensor* ids) { return ids->view_src ? ids->view_src : ids; }

    /** @param first the index of the layer's first product */
    void begin(int first) {
        pass_.reset();
        const ggml_tensor* ids = graph_->nodes[first]->src[2];
        Experts* experts = find_weight(graph_->nodes[first])->served->experts.get();
        std::vector<const TensorInfo*> tensors;
        for (int i = first; i < graph_->n_nodes; i++) {
            const ggml_tensor* node = graph_->nodes[i];
            if (node->op != GGML_OP_MUL_MAT_ID) continue;
            if (node->src[2] != ids) break;
            if (const auto weight = find_weight(node)) tensors.push_back(weight->info);
        }
        left_ = tensors.size();
        pass_ = std::make_unique<ExpertPass>(*experts, ids, tensors);
    }

    const ggml_cgraph* graph_;
    std::unordered_map<const ggml_tensor*, int> layers_;  // by what says which experts, to the first product
    std::unique_ptr<ExpertPass> pass_;
    size_t left_ = 0;  // products of the pass
};

/** One operation with a weight on flash. */
ggml_status compute_flash(FlashBackend& context, ExpertLayers& layers, const Weight& weight, const ggml_cgraph* graph,
                          int index) {
    const ggml_tensor* node = graph->nodes[index];
    Stream& stream = *weight.served->stream;
    const auto stop = [&] { return should_abort(&context); };
    const auto status = node->op == GGML_OP_MUL_MAT_ID ? layers.multiply(context.workers, weight, index, stop)
                        : weight.info->use == Use::Multiply
                            ? stream.multiply(context.workers, *weight.info, node, by_token(node->src[1]->ne[1]), stop)
                            : stream.get_rows(context.workers, *weight.info, node, stop);
    if (status) return *status;
    Engine::instance().fail(status.error());
    return GGML_STATUS_FAILED;
}

/** Whether the nodes from `i` on are a feed-forward block with squared ReLU and without a gate. */
bool is_squared_relu_block(const ggml_cgraph* graph, int i) {
    if (i + 3 >= graph->n_nodes) return false;
    ggml_tensor** nodes = graph->nodes + i;
    const auto down = find_weight(nodes[3]);
    return nodes[1]->op == GGML_OP_UNARY && ggml_get_unary_op(nodes[1]) == GGML_UNARY_OP_RELU &&
           nodes[1]->src[0] == nodes[0] && nodes[2]->op == GGML_OP_SQR && nodes[2]->src[0] == nodes[1] &&
           nodes[3]->src[1] == nodes[2] && down && down->info->part == NeuronPart::Down;
}

/** What is served neuron by neuron, from node `i` on. Moves `i` behind it. */
ggml_status compute_neurons(FlashBackend& context, const Weight& weight, const ggml_cgraph* graph, int& i) {
    Neurons& neurons = *weight.served->neurons;
    const auto stop = [&] { return should_abort(&context); };
    const ggml_tensor* first = graph->nodes[i];
    const bool predicted = weight.info->part == NeuronPart::Up;
    if (predicted && !is_squared_relu_block(graph, i)) {
        Engine::instance().fail(
            {FLASH_INVALID_ARGUMENT, weight.info->name + " is not used as it was when the model was converted"});
        return GGML_STATUS_FAILED;
    }
    const ggml_tensor* last = graph->nodes[predicted ? i + 3 : i];
    i += predicted ? 4 : 1;
    if (ggml_is_empty(last)) return GGML_STATUS_SUCCESS;
    const auto layer =
        static_cast<uint32_t>(std::strtoul(weight.info->name.c_str() + std::strlen("blk."), nullptr, 10));
    const auto status = predicted ? neurons.feed_forward(context.workers, layer, first, last, stop)
                                  : neurons.project(context.workers, layer, last, stop);
    if (status) return *status;
    Engine::instance().fail(status.error());
    return GGML_STATUS_FAILED;
}

/** Whether it is worth waking ggml's team for. */
bool is_large(const ggml_tensor* node) {
    constexpr int64_t kManyElements = 1 << 16;
    constexpr int64_t kLongContext = 512;  // from here on ggml divides a token's attention among its threads
    if (node->op == GGML_OP_FLASH_ATTN_EXT && node->src[1]->ne[1] >= kLongContext) return true;
    return ggml_nelements(node) >= kManyElements;
}

ggml_status backend_graph_compute(ggml_backend_t backend, ggml_cgraph* graph) {
    FlashBackend& context = context_of(backend);
    ExpertLayers layers(graph);
    for (int i = 0; i < graph->n_nodes;) {
        if (should_abort(&context)) return GGML_STATUS_ABORTED;
        ggml_status status = GGML_STATUS_SUCCESS;
        if (const auto weight = find_weight(graph->nodes[i])) {
            if (weight->info->use == Use::Neurons) {
                status = compute_neurons(context, *weight, graph, i);
            } else {
                if (!ggml_is_empty(graph->nodes[i])) status = compute_flash(context, layers, *weight, graph, i);
                i++;
            }
        } else if (attends_by_token(graph->nodes[i])) {
            status = attend_by_token(context.workers.kernel_for(is_large(graph->nodes[i])), graph->nodes[i]);
            i++;
        } else {
            // All up to the next weight at once: ggml fuses neighbours, and would round otherwise if it could not.
            const int begin = i;
            bool large = false;
            bool routed = false;
            for (; i < graph->n_nodes && !routed && !find_weight(graph->nodes[i]) && !attends_by_token(graph->nodes[i]);
                 i++) {
                large = large || is_large(graph->nodes[i]);
                routed = layers.routes(graph->nodes[i]);
            }
            ggml_cgraph between = ggml_graph_view(graph, begin, i);
            status = context.workers.kernel_for(large).compute(&between);
            if (routed && status == GGML_STATUS_SUCCESS) layers.prefetch(graph->nodes[i - 1]);
        }
        if (status != GGML_STATUS_SUCCESS) return status;
    }
    return GGML_STATUS_SUCCESS;
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
    // What it takes for llama.cpp to load in pieces: see Upload.
    props->caps.async = props->caps.host_buffer = props->caps.events = true;
}

ggml_backend_dev_t private_device();

ggml_backend_t device_init_backend(ggml_backend_dev_t, const char*) {
    auto context = std::make_unique<FlashBackend>();
    if (const auto ready = context->workers.resize(1); !ready) {
        Engine::instance().fail(ready.error());
        return nullptr;
    }
    auto backend = std::make_unique<ggml_backend>();
    *backend = ggml_backend{backend_guid(), kBackendInterface, private_device(), context.release()};
    return backend.release();
}

ggml_backend_buffer_type_t device_get_buffer_type(ggml_backend_dev_t) { return flash_buffer_type(); }
ggml_backend_buffer_type_t private_device_get_buffer_type(ggml_backend_dev_t) { return ggml_backend_cpu_buffer_type(); }

bool is_weight(const ggml_tensor* tensor) {
    return tensor->buffer != nullptr && tensor->buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS;
}

/** Not laid out anew for kernels that we do not have. */
bool is_plain(const ggml_tensor* weight) { return ggml_backend_buffer_is_host(weight->buffer); }

// While a model of ours is loaded we claim all of its graph but what weights are multiplied in that llama.cpp laid out
// anew: each change of backend would start and end a set of threads, which spin beside ours.
bool device_supports_op(ggml_backend_dev_t, const ggml_tensor* op) {
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
    if (flash_buffers == 0 || (is_matrix_operation(op) && is_weight(op->src[0]) && !is_plain(op->src[0]))) return false;
    ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    return cpu != nullptr && ggml_backend_dev_supports_op(cpu, op);
}

bool device_supports_buft(ggml_backend_dev_t, ggml_backend_buffer_type_t type) {
    return type == flash_buffer_type() || ggml_backend_buft_is_host(type);
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
    if (!resized) Engine::instance().fail(resized.error());
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

ggml_backend_dev_t registered_device() {
    static ggml_backend_device device = {device_interface(device_get_buffer_type), registry(), nullptr};
    return &device;
}

ggml_backend_dev_t private_device() {
    static ggml_backend_device device = {device_interface(private_device_get_buffer_type), registry(), nullptr};
    return &device;
}

}  // namespace
}  // namespace flash

/** What ggml looks up in a backend library. */
extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init(void) {
#ifdef __GLIBC__
    // The copies that a model is loaded through go back to the system when they are freed. By default glibc learns to
    // keep blocks of their size, and they would count against the cap until the end.
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
    return flash::registry();
}
