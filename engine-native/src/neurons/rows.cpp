#include "neurons/rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <numeric>

#include "ggml-backend.h"
#include "platform/library.h"
#if defined(__x86_64__)
#include <immintrin.h>
#define FLASH_WIDE __attribute__((target("avx2,fma,f16c"), always_inline)) inline
#endif

namespace flash {
namespace {

// ggml's kernels are in a library of their own, one for each generation of processors, which ggml has chosen and
// loaded.
const ggml_type_traits_cpu* traits_of(ggml_type type) {
    static const auto lookup = []() -> decltype(&ggml_get_type_traits_cpu) {
        ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
        if (device == nullptr) return nullptr;
        void* known = ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), "ggml_threadpool_new");
        if (known == nullptr) return nullptr;
        return reinterpret_cast<decltype(&ggml_get_type_traits_cpu)>(
            function_beside(known, "ggml_get_type_traits_cpu"));
    }();
    return lookup == nullptr ? nullptr : lookup(type);
}

struct BlockQ8 {  // as block_q8_0 of ggml-common.h
    ggml_fp16_t scale;
    int8_t quants[32];
};
struct BlockQ4 {  // as block_q4_0
    ggml_fp16_t scale;
    uint8_t quants[16];
};

void add_rows_plain(ggml_type type, const std::vector<WeightedRow>& rows, int64_t first, int64_t count, float* sum) {
    std::vector<float> numbers(static_cast<size_t>(count));
    const auto begin = static_cast<uint64_t>(first / ggml_blck_size(type)) * ggml_type_size(type);
    for (const WeightedRow& row : rows) {
        if (type == GGML_TYPE_F32)
            std::memcpy(numbers.data(), row.row + begin, numbers.size() * sizeof(float));
        else
            ggml_get_type_traits(type)->to_float(row.row + begin, numbers.data(), count);
        for (size_t i = 0; i < numbers.size(); i++) sum[i] = std::fma(row.weight, numbers[i], sum[i]);
    }
}

#if defined(__x86_64__)
const bool kWide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");

/** Elements that the wide kernels take at once. */
constexpr int64_t kStep = 32;

// kStep elements of a row each, eight at a time.
struct WideF32 {
    static constexpr uint64_t kBytes = 4 * kStep;
    const uint8_t* at;
    FLASH_WIDE explicit WideF32(const uint8_t* begin) : at(begin) {}
    FLASH_WIDE __m256 eight(int i) const {
        return _mm256_loadu_ps(reinterpret_cast<const float*>(at) + ptrdiff_t{8} * i);
    }
};
struct WideF16 {
    static constexpr uint64_t kBytes = 2 * kStep;
    const uint8_t* at;
    FLASH_WIDE explicit WideF16(const uint8_t* begin) : at(begin) {}
    FLASH_WIDE __m256 eight(int i) const {
        return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i));
    }
};
struct WideBF16 {
    static constexpr uint64_t kBytes = 2 * kStep;
    const uint8_t* at;
    FLASH_WIDE explicit WideBF16(const uint8_t* begin) : at(begin) {}
    FLASH_WIDE __m256 eight(int i) const {
        const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i);
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
    }
};
struct WideQ8 {
    static constexpr uint64_t kBytes = sizeof(BlockQ8);
    const uint8_t* at;
    __m256 scale;
    FLASH_WIDE explicit WideQ8(const uint8_t* begin) : at(begin + sizeof(ggml_fp16_t)) {
        ggml_fp16_t half;
        std::memcpy(&half, begin, sizeof half);
        scale = _mm256_set1_ps(_cvtsh_ss(half));
    }
    FLASH_WIDE __m256 eight(int i) const {
        const __m128i quants = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at + ptrdiff_t{8} * i));
        return _mm256_mul_ps(scale, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(quants)));
    }
};

/** Elements of the sum stay in registers while a group of rows is added; the next group's come from memory meanwhile.
 */
template <typename Wide>
__attribute__((target("avx2,fma,f16c"))) void add_rows_wide(const std::vector<WeightedRow>& rows, int64_t first,
                                                            int64_t count, float* sum) {
    constexpr size_t kGroup = 16;  // as many as processors follow at once
    const uint64_t begin = static_cast<uint64_t>(first / kStep) * Wide::kBytes;
    for (size_t group = 0; group < rows.size(); group += kGroup) {
        const size_t size = std::min(kGroup, rows.size() - group);
        std::array<const uint8_t*, kGroup> next{};
        for (size_t i = 0; i < size; i++) next[i] = rows[std::min(group + i + kGroup, rows.size() - 1)].row + begin;
        for (int64_t step = 0; step < count / kStep; step++) {
            const uint64_t at = static_cast<uint64_t>(step) * Wide::kBytes;
            float* to = sum + step * kStep;
            __m256 sums[4];
            for (int i = 0; i < 4; i++) sums[i] = _mm256_loadu_ps(to + ptrdiff_t{8} * i);
            for (size_t row = 0; row < size; row++) {
                _mm_prefetch(next[row] + at, _MM_HINT_T0);
                const Wide numbers(rows[group + row].row + begin + at);
                const __m256 weight = _mm256_set1_ps(rows[group + row].weight);
                for (int i = 0; i < 4; i++) sums[i] = _mm256_fmadd_ps(weight, numbers.eight(i), sums[i]);
            }
            for (int i = 0; i < 4; i++) _mm256_storeu_ps(to + ptrdiff_t{8} * i, sums[i]);
        }
    }
}

/** A row of Q8_0 as the products with short rows want it. */
struct ShortActivations {
    std::vector<float> scales;   // by block
    std::vector<float> offsets;  // what a Q4_0 block's quants being from 0 to 15 adds, negated, ÷ its scale
    std::vector<int8_t> quants;
};

ShortActivations unpack(const uint8_t* activations, int64_t width) {
    ShortActivations unpacked;
    for (int64_t block = 0; block < width / 32; block++) {
        BlockQ8 bytes;
        std::memcpy(&bytes, activations + static_cast<size_t>(block) * sizeof bytes, sizeof bytes);
        const float scale = ggml_fp16_to_fp32(bytes.scale);
        unpacked.scales.push_back(scale);
        unpacked.offsets.push_back(-8 * scale *
                                   static_cast<float>(std::accumulate(bytes.quants, bytes.quants + 32, 0)));
        unpacked.quants.insert(unpacked.quants.end(), bytes.quants, bytes.quants + 32);
    }
    return unpacked;
}

__attribute__((target("avx2,fma,f16c"))) void multiply_short_rows_wide(const uint8_t* rows, uint32_t count,
                                                                       const ShortActivations& activations,
                                                                       float* products) {
    const __m256i low = _mm256_set1_epi8(0x0f);
    const __m256i ones = _mm256_set1_epi16(1);
    const size_t blocks = activations.scales.size();
    for (uint32_t row = 0; row < count; row++) {
        __m256 sums = _mm256_setzero_ps();
        float offset = 0;
        for (size_t block = 0; block < blocks; block++, rows += sizeof(BlockQ4)) {
            ggml_fp16_t half;
            std::memcpy(&half, rows, sizeof half);
            const float scale = _cvtsh_ss(half);
            const __m128i both = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + sizeof half));
            const __m256i quants = _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(both, 4), both), low);
            const __m256i others =
                _mm256_loadu_si256(reinterpret_cast<const __m256i*>(activations.quants.data()) + block);
            const __m256i fours = _mm256_madd_epi16(_mm256_maddubs_epi16(quants, others), ones);
            sums = _mm256_fmadd_ps(_mm256_set1_ps(scale * activations.scales[block]), _mm256_cvtepi32_ps(fours), sums);
            offset += scale * activations.offsets[block];
        }
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        products[row] = offset + _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
}
#endif

}  // namespace

Result<DotProduct> DotProduct::of(ggml_type row_type) {
    const ggml_type_traits_cpu* traits = traits_of(row_type);
    if (traits == nullptr || traits->vec_dot == nullptr) {
        return Error{FLASH_INVALID_ARGUMENT,
                     std::string("ggml has no dot product for ") + ggml_type_name(row_type) + " on this processor"};
    }
    DotProduct product;
    product.dot_ = traits->vec_dot;
    product.activation_type_ = traits->vec_dot_type;
    if (product.activation_type_ != GGML_TYPE_F32) {
        const ggml_type_traits_cpu* wanted = traits_of(product.activation_type_);
        product.from_float_ = wanted->from_float;
        if (product.from_float_ == nullptr) {
            return Error{FLASH_INVALID_ARGUMENT, std::string("ggml cannot make ") +
                                                     ggml_type_name(product.activation_type_) + " on this processor"};
        }
    }
    return product;
}

void DotProduct::convert(const float* activations, int64_t width, uint8_t* converted) const {
    if (from_float_ == nullptr)
        std::memcpy(converted, activations, static_cast<size_t>(width) * sizeof(float));
    else
        from_float_(activations, converted, width);
}

int64_t part_granularity(ggml_type type) { return std::max<int64_t>(32, ggml_blck_size(type)); }

void add_rows(ggml_type type, const std::vector<WeightedRow>& rows, int64_t first, int64_t count, float* sum) {
    int64_t done = 0;
#if defined(__x86_64__)
    if (kWide) {
        done = count / kStep * kStep;
        if (type == GGML_TYPE_F32)
            add_rows_wide<WideF32>(rows, first, done, sum);
        else if (type == GGML_TYPE_F16)
            add_rows_wide<WideF16>(rows, first, done, sum);
        else if (type == GGML_TYPE_BF16)
            add_rows_wide<WideBF16>(rows, first, done, sum);
        else if (type == GGML_TYPE_Q8_0)
            add_rows_wide<WideQ8>(rows, first, done, sum);
        else
            done = 0;
    }
#endif
    if (done < count) add_rows_plain(type, rows, first + done, count - done, sum + done);
}

void multiply_short_rows(const uint8_t* rows, uint32_t count, const uint8_t* activations, int64_t width,
                         float* products) {
#if defined(__x86_64__)
    if (kWide) return multiply_short_rows_wide(rows, count, unpack(activations, width), products);
#endif
    const auto product = DotProduct::of(GGML_TYPE_Q4_0);
    const uint64_t row_bytes = ggml_row_size(GGML_TYPE_Q4_0, width);
    for (uint32_t row = 0; row < count; row++) products[row] = (*product)(rows + row * row_bytes, activations, width);
}

}  // namespace flash
