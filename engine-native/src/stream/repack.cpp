#include "stream/repack.h"

#include <algorithm>
#include <cstring>

#include "plan/plan.h"

namespace flash {
namespace {

/** Null where ggml's CPU backend has no layouts of its own. */
ggml_backend_buffer_type_t find_layouts() {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (device == nullptr) return nullptr;
    const auto types = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
        ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts"));
    if (types == nullptr) return nullptr;
    for (ggml_backend_buffer_type_t* type = types(device); type != nullptr && *type != nullptr; type++) {
        if (std::strcmp(ggml_backend_buft_name(*type), "CPU_REPACK") == 0) return *type;
    }
    return nullptr;
}

}  // namespace

std::unique_ptr<Repack> Repack::create(const TensorInfo& tensor, int64_t tokens) {
    if (tokens < kTokens) return nullptr;
    static ggml_backend_buffer_type_t const layouts = find_layouts();
    if (layouts == nullptr) return nullptr;
    const uint64_t group = ggml_row_size(tensor.type, tensor.ne[0]) * kRowGroup;
    const int64_t rows =
        std::min(tensor.ne[1], static_cast<int64_t>(std::max<uint64_t>(1, kRepackBytes / group)) * kRowGroup);
    ggml_tensor some{};
    some.type = tensor.type;
    std::copy_n(std::array<int64_t, 4>{tensor.ne[0], rows, 1, 1}.data(), 4, some.ne);
    Buffer buffer(
        ggml_backend_buft_alloc_buffer(layouts, static_cast<size_t>(rows) * ggml_row_size(tensor.type, tensor.ne[0])));
    if (!buffer) return nullptr;
    if (ggml_backend_buffer_init_tensor(buffer.get(), &some) != GGML_STATUS_SUCCESS || some.extra == nullptr)
        return nullptr;
    return std::unique_ptr<Repack>(new Repack(std::move(buffer), rows));
}

void Repack::fill(ggml_tensor* weights, const uint8_t* rows) const {
    weights->buffer = buffer_.get();
    weights->data = ggml_backend_buffer_get_base(buffer_.get());
    ggml_backend_buffer_init_tensor(buffer_.get(), weights);
    ggml_backend_tensor_set(weights, rows, 0, ggml_nbytes(weights));
}

}  // namespace flash
