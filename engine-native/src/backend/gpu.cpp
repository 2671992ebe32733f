#include "backend/gpu.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>
#include <unordered_map>

#include "backend/current_load.h"
#include "ggml-backend-impl.h"
#include "platform/library.h"

namespace flash {
namespace {

using SupportsOp = bool (*)(ggml_backend_dev_t, const ggml_tensor*);

struct ContextFree {
    void operator()(ggml_context* context) const { ggml_free(context); }
};
struct BufferFree {
    void operator()(ggml_backend_buffer_t buffer) const { ggml_backend_buffer_free(buffer); }
};

/** libggml has the list of devices: see platform/ggml_registry.cpp. */
std::vector<ggml_backend_dev_t> gpus() {
    static const auto count =
        reinterpret_cast<decltype(&ggml_backend_dev_count)>(loaded_function("ggml_backend_dev_count"));
    static const auto get = reinterpret_cast<decltype(&ggml_backend_dev_get)>(loaded_function("ggml_backend_dev_get"));
    std::vector<ggml_backend_dev_t> devices;
    for (size_t i = 0; count != nullptr && get != nullptr && i < count(); i++) {
        ggml_backend_dev_t device = get(i);
        const auto type = ggml_backend_dev_type(device);
        if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU) devices.push_back(device);
    }
    return devices;
}

/** A kind of product: of one matrix, or of experts. */
struct Product {
    ggml_type type;
    bool experts;
    bool operator<(const Product& other) const { return std::tie(type, experts) < std::tie(other.type, other.experts); }
};

/** Asked as llama.cpp asks when it places a weight. */
bool multiplies(ggml_backend_dev_t device, const Product& product) {
    constexpr int64_t kWidth = 4096;  // a multiple of the blocks of all types
    constexpr int64_t kTokens = 512;
    const std::unique_ptr<ggml_context, ContextFree> context(ggml_init({8 * ggml_tensor_overhead(), nullptr, true}));
    const std::unique_ptr<ggml_backend_buffer, BufferFree> buffer(
        ggml_backend_buft_alloc_buffer(ggml_backend_dev_buffer_type(device), 0));
    if (!context || !buffer) return false;
    const int64_t used = product.experts ? 2 : 1;
    ggml_tensor* weight = ggml_new_tensor_3d(context.get(), product.type, kWidth, kWidth, used);
    weight->buffer = buffer.get();
    if (!product.experts) {
        ggml_tensor* activations = ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, kWidth, kTokens);
        return ggml_backend_dev_supports_op(device, ggml_mul_mat(context.get(), weight, activations));
    }
    ggml_tensor* activations = ggml_new_tensor_3d(context.get(), GGML_TYPE_F32, kWidth, used, kTokens);
    ggml_tensor* ids = ggml_new_tensor_2d(context.get(), GGML_TYPE_I32, used, kTokens);
    return ggml_backend_dev_supports_op(device, ggml_mul_mat_id(context.get(), weight, activations, ids));
}

std::unordered_map<ggml_backend_dev_t, SupportsOp>& originals() {
    static std::unordered_map<ggml_backend_dev_t, SupportsOp> functions;
    return functions;
}

bool supports_op(ggml_backend_dev_t device, const ggml_tensor* op) {
    if (op->op == GGML_OP_MUL_MAT_ID) {
        const std::shared_ptr<ServedModel> served = current_load();
        if (served && served->experts && served->experts->find(op->src[0]->name) != nullptr) return false;
    }
    return originals().at(device)(device, op);
}

}  // namespace

std::vector<ggml_type> types_lacking_on_gpus(const Model& model) {
    std::set<Product> products;
    for (const TensorInfo& tensor : model.tensors) {
        if (tensor.use == Use::Multiply && tensor.ne[1] > 1) products.insert({tensor.type, tensor.ne[2] > 1});
    }
    const std::vector<ggml_backend_dev_t> devices = gpus();
    std::vector<ggml_type> lacking;
    for (const Product& product : products) {
        const bool everywhere = std::all_of(devices.begin(), devices.end(),
                                            [&](ggml_backend_dev_t device) { return multiplies(device, product); });
        if (!everywhere) lacking.push_back(product.type);
    }
    return lacking;
}

void keep_experts_off_gpus() {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    for (ggml_backend_dev_t device : gpus()) {
        if (!originals().emplace(device, device->iface.supports_op).second) continue;
        device->iface.supports_op = supports_op;
    }
}

}  // namespace flash
