#include "matrix.h"

#include <cmath>
#include <memory>
#include <stdexcept>

#include "ggml-cpu.h"

namespace flash {

Matrix transposed(const Matrix& a) {
    Matrix b(a.columns, a.rows);
    constexpr int64_t kBlock = 32;  // of rows and columns, for the caches
    for (int64_t i0 = 0; i0 < a.rows; i0 += kBlock) {
        for (int64_t j0 = 0; j0 < a.columns; j0 += kBlock) {
            for (int64_t i = i0; i < std::min(a.rows, i0 + kBlock); i++) {
                for (int64_t j = j0; j < std::min(a.columns, j0 + kBlock); j++) b.row(j)[i] = a.row(i)[j];
            }
        }
    }
    return b;
}

float dot(const float* a, const float* b, int64_t count) {
    float lanes[16] = {};
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
        for (int64_t lane = 0; lane < 16; lane++) lanes[lane] += a[i + lane] * b[i + lane];
    }
    float sum = 0;
    for (; i < count; i++) sum += a[i] * b[i];
    for (const float lane : lanes) sum += lane;
    return sum;
}

Products::Products(int threads) : backend_(nullptr) {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (device != nullptr) backend_ = ggml_backend_dev_init(device, nullptr);
    if (backend_ == nullptr) throw std::runtime_error("ggml has no CPU backend");
    auto set_threads = reinterpret_cast<ggml_backend_set_n_threads_t>(
        ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), "ggml_backend_set_n_threads"));
    set_threads(backend_, threads);
}

Products::~Products() { ggml_backend_free(backend_); }

Matrix Products::operator()(const Matrix& a, const Matrix& b) const {
    return (*this)(a, GGML_TYPE_F32, b.data.data(), b.rows);
}

Matrix Products::operator()(const Matrix& a, ggml_type type, const void* b, int64_t rows) const {
    Matrix result(a.rows, rows);
    const std::unique_ptr<ggml_context, decltype(&ggml_free)> context(
        ggml_init({8 * ggml_tensor_overhead() + ggml_graph_overhead_custom(4, false), nullptr, true}), &ggml_free);
    ggml_tensor* weights = ggml_new_tensor_2d(context.get(), type, a.columns, rows);
    ggml_tensor* input = ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, a.columns, a.rows);
    ggml_tensor* output = ggml_mul_mat(context.get(), weights, input);
    weights->data = const_cast<void*>(b);  // only read
    input->data = const_cast<float*>(a.data.data());
    output->data = result.data.data();
    ggml_cgraph* graph = ggml_new_graph_custom(context.get(), 4, false);
    ggml_build_forward_expand(graph, output);
    if (ggml_backend_graph_compute(backend_, graph) != GGML_STATUS_SUCCESS) throw std::runtime_error("out of memory");
    return result;
}

Matrix cholesky(Matrix a) {
    for (int64_t j = 0; j < a.rows; j++) {
        for (int64_t i = j; i < a.rows; i++) a.row(i)[j] -= dot(a.row(i), a.row(j), j);
        const float pivot = a.row(j)[j];
        if (!(pivot > 0)) throw std::runtime_error("the activations of a layer are not finite");
        const float root = std::sqrt(pivot);
        for (int64_t i = j; i < a.rows; i++) a.row(i)[j] /= root;
        for (int64_t k = j + 1; k < a.columns; k++) a.row(j)[k] = 0;
    }
    return a;
}

void solve_transposed(const Matrix& lower, Matrix& rows) {
    for (int64_t r = 0; r < rows.rows; r++) {
        float* x = rows.row(r);
        for (int64_t i = lower.rows - 1; i >= 0; i--) {
            x[i] /= lower.row(i)[i];
            const float value = x[i];
            const float* row = lower.row(i);
            for (int64_t j = 0; j < i; j++) x[j] -= row[j] * value;
        }
    }
}

void orthonormalize(Matrix& a) {
    for (int64_t i = 0; i < a.rows; i++) {
        float* row = a.row(i);
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t j = 0; j < i; j++) {
                const float* before = a.row(j);
                const float share = dot(row, before, a.columns);
                for (int64_t k = 0; k < a.columns; k++) row[k] -= share * before[k];
            }
        }
        const float length = std::sqrt(dot(row, row, a.columns));
        for (int64_t k = 0; k < a.columns; k++) row[k] = length > 0 ? row[k] / length : 0;
    }
}

}  // namespace flash
