#include "products.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "compute/op_slice.h"
#include "harness.h"
#include "random.h"

namespace flint {
namespace {

constexpr int64_t kWidth = 512;
constexpr int64_t kRows = 64;
// Enough for rows to be laid out for them; all kernels take the last ones by fewer than the others.
constexpr int64_t kTokens = 97;
constexpr int64_t kExperts = 8;

const double kFloatUnit = std::ldexp(1.0, -24);
const double kHalfUnit = std::ldexp(1.0, -11);

struct Matrices {
    std::vector<uint8_t> rows;
    std::vector<float> weights;  // the numbers that the rows mean
    std::vector<float> activations;
};

Matrices random_matrices(ggml_type type) {
    Random random(11);
    Matrices matrices;
    matrices.weights.resize(kWidth * kRows);
    for (float& weight : matrices.weights) weight = random.normal();
    matrices.rows.resize(ggml_row_size(type, kWidth) * kRows);
    ggml_quantize_chunk(type, matrices.weights.data(), matrices.rows.data(), 0, kRows, kWidth, nullptr);
    ggml_get_type_traits(type)->to_float(matrices.rows.data(), matrices.weights.data(), kWidth * kRows);
    matrices.activations.resize(kWidth * kTokens);
    for (float& activation : matrices.activations) activation = random.normal();
    return matrices;
}

/** How far a kernel's product of a row with a token may be from the exact one, as products.h derives it. */
double bound(ggml_type type, const float* weights, const float* activations) {
    const int64_t block = std::max<int64_t>(32, ggml_blck_size(type));
    double rounding = 0;
    double sizes = 0;
    for (int64_t begin = 0; begin < kWidth; begin += block) {
        double largest_weight = 0;
        double largest = 0;
        double weight_sum = 0;
        double sum = 0;
        for (int64_t i = begin; i < begin + block; i++) {
            const double weight = std::abs(weights[i]);
            const double activation = std::abs(activations[i]);
            largest_weight = std::max(largest_weight, weight);
            largest = std::max(largest, activation);
            weight_sum += weight;
            sum += activation;
            if (type == GGML_TYPE_F16) rounding += weight * activation * kHalfUnit;
        }
        sizes += 2 * 2 * largest_weight * sum;
        if (type == GGML_TYPE_F16) continue;
        rounding += weight_sum * largest / 127 * (0.5 + 127 * 2 * kFloatUnit);
        if (block == 32) rounding += weight_sum * largest * kHalfUnit;
        if (type == GGML_TYPE_Q4_1) rounding += largest_weight * (sum + 32 * largest / 127 / 2) * kHalfUnit;
    }
    return rounding + static_cast<double>(kWidth) * kFloatUnit * sizes;
}

void shape(ggml_tensor& tensor, int64_t width, int64_t count, float* data) {
    tensor.type = GGML_TYPE_F32;
    tensor.ne[0] = width;
    tensor.ne[1] = count;
    tensor.ne[2] = tensor.ne[3] = 1;
    tensor.nb[0] = sizeof(float);
    tensor.nb[1] = static_cast<size_t>(width) * sizeof(float);
    tensor.nb[2] = tensor.nb[3] = tensor.nb[1] * static_cast<size_t>(count);
    tensor.data = data;
}

std::vector<float> multiply(const flash::Kernel& kernel, ggml_type type, ggml_op op, Matrices& matrices,
                            bool laid_out) {
    flash::TensorInfo tensor{};
    tensor.type = type;
    tensor.ne = {kWidth, kRows, op == GGML_OP_MUL_MAT_ID ? kExperts : 1, 1};
    std::vector<float> products(kRows * kTokens);
    ggml_tensor input{};
    shape(input, kWidth, kTokens, matrices.activations.data());
    ggml_tensor node{};
    shape(node, kRows, kTokens, products.data());
    node.op = GGML_OP_MUL_MAT;
    node.flags = GGML_TENSOR_FLAG_COMPUTE;
    node.src[1] = &input;
    const auto repack = laid_out ? flash::Repack::create(op, tensor, input, kTokens) : nullptr;
    flash::OpSlice slice(&node, tensor, repack.get());
    CHECK(slice.multiply(kernel, 0, kRows, matrices.rows.data()) == GGML_STATUS_SUCCESS);
    return products;
}

}  // namespace

void check_products(ggml_type type, ggml_op op) {
    const auto kernel = flash::Kernel::create(1);
    CHECK(kernel);
    Matrices matrices = random_matrices(type);
    const std::vector<float> plain = multiply(*kernel, type, op, matrices, false);
    const std::vector<float> laid_out = multiply(*kernel, type, op, matrices, true);
    double squares = 0;
    double loosest = 0;
    for (int64_t token = 0; token < kTokens; token++) {
        for (int64_t row = 0; row < kRows; row++) {
            const float* weights = &matrices.weights[static_cast<size_t>(row * kWidth)];
            const float* activations = &matrices.activations[static_cast<size_t>(token * kWidth)];
            double exact = 0;
            for (int64_t i = 0; i < kWidth; i++) exact += double{weights[i]} * double{activations[i]};
            const double near = bound(type, weights, activations);
            const auto at = static_cast<size_t>(token * kRows + row);
            for (const auto& [name, product] : {std::pair("plain", plain[at]), std::pair("laid out", laid_out[at])}) {
                if (std::abs(product - exact) <= near) continue;
                throw std::runtime_error(std::string(name) + ": " + std::to_string(product) + " is further than " +
                                         std::to_string(near) + " from " + std::to_string(exact));
            }
            squares += exact * exact;
            loosest = std::max(loosest, near);
        }
    }
    // A product of another row or token must not pass for this one.
    CHECK(std::sqrt(squares / (kRows * kTokens)) > 2 * loosest);
}

}  // namespace flint
