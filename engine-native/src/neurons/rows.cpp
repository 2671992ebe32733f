#include "neurons/rows.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>

#include "ggml-backend.h"
#if defined(__x86_64__)
#include <immintrin.h>
#define FLASH_WIDE __attribute__((target("avx2,fma,f16c")))
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
        Dl_info info;
        if (known == nullptr || dladdr(known, &info) == 0) return nullptr;
        void* library = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
        return library == nullptr
                   ? nullptr
                   : reinterpret_cast<decltype(&ggml_get_type_traits_cpu)>(dlsym(library, "ggml_get_type_traits_cpu"));
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

void dequantize_plain(ggml_type type, const uint8_t* row, int64_t first, int64_t count, float* out) {
    const auto blocks = static_cast<uint64_t>(first / ggml_blck_size(type));
    const uint8_t* begin = row + blocks * ggml_type_size(type);
    if (type == GGML_TYPE_F32)
        std::memcpy(out, begin, static_cast<size_t>(count) * sizeof(float));
    else
        ggml_get_type_traits(type)->to_float(begin, out, count);
}

#if defined(__x86_64__)
const bool kWide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");

FLASH_WIDE void dequantize_f16(const uint8_t* row, int64_t count, float* out) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + 2 * i))));
    }
    for (; i < count; i++) {
        ggml_fp16_t half;
        std::memcpy(&half, row + 2 * i, sizeof half);
        out[i] = ggml_fp16_to_fp32(half);
    }
}

FLASH_WIDE void dequantize_q8(const uint8_t* row, int64_t count, float* out) {
    for (int64_t block = 0; block < count / 32; block++) {
        const uint8_t* at = row + static_cast<size_t>(block) * sizeof(BlockQ8);
        BlockQ8 bytes;
        std::memcpy(&bytes, at, sizeof bytes);
        const __m256 scale = _mm256_set1_ps(_cvtsh_ss(bytes.scale));
        for (int i = 0; i < 32; i += 8) {
            const __m128i quants = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes.quants + i));
            _mm256_storeu_ps(out + 32 * block + i,
                             _mm256_mul_ps(scale, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(quants))));
        }
    }
}

FLASH_WIDE void dequantize_q4(const uint8_t* row, int64_t count, float* out) {
    const __m128i low = _mm_set1_epi8(0x0f);
    const __m128i middle = _mm_set1_epi8(8);
    for (int64_t block = 0; block < count / 32; block++) {
        BlockQ4 bytes;
        std::memcpy(&bytes, row + static_cast<size_t>(block) * sizeof(BlockQ4), sizeof bytes);
        const __m256 scale = _mm256_set1_ps(_cvtsh_ss(bytes.scale));
        const __m128i both = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.quants));
        const __m128i halves[2] = {_mm_sub_epi8(_mm_and_si128(both, low), middle),
                                   _mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(both, 4), low), middle)};
        for (int half = 0; half < 2; half++) {
            float* to = out + 32 * block + 16 * half;
            _mm256_storeu_ps(to, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(halves[half]))));
            const __m128i rest = _mm_srli_si128(halves[half], 8);
            _mm256_storeu_ps(to + 8, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(rest))));
        }
    }
}

FLASH_WIDE void add_scaled_wide(float scale, const float* row, int64_t count, float* sum) {
    const __m256 factor = _mm256_set1_ps(scale);
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm256_storeu_ps(sum + i, _mm256_fmadd_ps(factor, _mm256_loadu_ps(row + i), _mm256_loadu_ps(sum + i)));
    }
    for (; i < count; i++) sum[i] += scale * row[i];
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

void dequantize(ggml_type type, const uint8_t* row, int64_t first, int64_t count, float* out) {
#if defined(__x86_64__)
    if (kWide) {
        const auto from = static_cast<size_t>(first);
        if (type == GGML_TYPE_F16) return dequantize_f16(row + 2 * from, count, out);
        if (type == GGML_TYPE_Q8_0) return dequantize_q8(row + from / 32 * sizeof(BlockQ8), count, out);
        if (type == GGML_TYPE_Q4_0) return dequantize_q4(row + from / 32 * sizeof(BlockQ4), count, out);
    }
#endif
    dequantize_plain(type, row, first, count, out);
}

void add_scaled(float scale, const float* row, int64_t count, float* sum) {
#if defined(__x86_64__)
    if (kWide) return add_scaled_wide(scale, row, count, sum);
#endif
    for (int64_t i = 0; i < count; i++) sum[i] += scale * row[i];
}

}  // namespace flash
