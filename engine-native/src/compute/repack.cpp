#include "compute/repack.h"

#include <algorithm>
#include <array>

#include "plan/plan.h"

namespace flash {
namespace {

/** ggml's extra buffer types in its order, ended by null; null where its CPU backend has none. */
ggml_backend_buffer_type_t* extra_types(ggml_backend_dev_t device) {
    const auto types = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
        ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts"));
    return types == nullptr ? nullptr : types(device);
}

/** What llama.cpp asks of a buffer type before it puts weights there (weight_buft_supported in llama-model-loader.cpp).
 */
bool takes(ggml_backend_dev_t device, ggml_backend_buffer_type_t type, ggml_op op, const TensorInfo& tensor) {
    constexpr int64_t kSomeTokens = 512;
    constexpr int64_t kSomeExperts = 1;
    alignas(64) std::array<uint8_t, 8192> memory;
    const std::unique_ptr<ggml_context, void (*)(ggml_context*)> context(
        ggml_init({memory.size(), memory.data(), true}), &ggml_free);
    ggml_tensor* weights = ggml_new_tensor(context.get(), tensor.type, GGML_MAX_DIMS, tensor.ne.data());
    ggml_tensor* node = nullptr;
    if (op == GGML_OP_MUL_MAT_ID) {
        ggml_tensor* ids = ggml_new_tensor_2d(context.get(), GGML_TYPE_I32, kSomeExperts, kSomeTokens);
        ggml_tensor* input = ggml_new_tensor_3d(context.get(), GGML_TYPE_F32, tensor.ne[0], kSomeExperts, kSomeTokens);
        node = ggml_mul_mat_id(context.get(), weights, input, ids);
    } else {
        ggml_tensor* input =
            ggml_new_tensor_4d(context.get(), GGML_TYPE_F32, tensor.ne[0], kSomeTokens, tensor.ne[2], tensor.ne[3]);
        node = ggml_mul_mat(context.get(), weights, input);
    }
    const std::unique_ptr<ggml_backend_buffer, void (*)(ggml_backend_buffer_t)> buffer(
        ggml_backend_buft_alloc_buffer(type, 0), &ggml_backend_buffer_free);
    weights->buffer = buffer.get();
    return ggml_backend_dev_supports_op(device, node);
}

/** The matrix, without data. */
ggml_tensor matrix_of(const TensorInfo& tensor) {
    ggml_tensor matrix{};
    matrix.type = tensor.type;
    std::copy(tensor.ne.begin(), tensor.ne.end(), matrix.ne);
    matrix.nb[0] = ggml_type_size(tensor.type);
    matrix.nb[1] = ggml_row_size(tensor.type, tensor.ne[0]);
    return matrix;
}

}  // namespace

std::unique_ptr<Repack> Repack::create(ggml_op op, const TensorInfo& tensor, const ggml_tensor& input, int64_t tokens) {
    if (tokens < kTokens) return nullptr;
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (device == nullptr) return nullptr;
    for (ggml_backend_buffer_type_t* type = extra_types(device); type != nullptr && *type != nullptr; type++) {
        const Layout* layout = layout_of(*type);
        if (layout == nullptr || !takes(device, *type, op, tensor)) continue;
        if (!layout->any_input && !ggml_is_contiguous(&input)) continue;
        const ggml_tensor matrix = matrix_of(tensor);
        ggml_tensor some = first_rows(matrix, kRowGroup);
        const uint64_t group = ggml_backend_buft_get_alloc_size(*type, &some);
        const int64_t rows =
            std::min(tensor.ne[1], static_cast<int64_t>(std::max<uint64_t>(1, kRepackBytes / group)) * kRowGroup);
        some = first_rows(matrix, rows);
        Buffer buffer(ggml_backend_buft_alloc_buffer(*type, ggml_backend_buft_get_alloc_size(*type, &some)));
        if (!buffer) return nullptr;
        return std::unique_ptr<Repack>(new Repack(std::move(buffer), rows, *layout));
    }
    return nullptr;
}

void Repack::fill(ggml_tensor* weights, const uint8_t* rows) const {
    weights->buffer = buffer_.get();
    weights->data = ggml_backend_buffer_get_base(buffer_.get());
    ggml_backend_buffer_init_tensor(buffer_.get(), weights);
    ggml_backend_tensor_set(weights, rows, 0, ggml_nbytes(weights));
}

}  // namespace flash
