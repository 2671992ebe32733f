#include "compute/layout.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>

namespace flash {
namespace {

constexpr Layout kLayouts[] = {{"AMX", false, 32}, {"CPU_REPACK", true, std::numeric_limits<int64_t>::max()}};

}  // namespace

int64_t Layout::tokens_at_once(int64_t left) const {
    // A single one would be another kernel's, and have its bits.
    return left - tokens == 1 ? tokens - 1 : std::min(tokens, left);
}

const Layout* layout_of(ggml_backend_buffer_type_t type) {
    const auto named = [&](const Layout& layout) {
        return std::strcmp(ggml_backend_buft_name(type), layout.name) == 0;
    };
    const auto* const found = std::find_if(std::begin(kLayouts), std::end(kLayouts), named);
    return found == std::end(kLayouts) ? nullptr : found;
}

ggml_tensor first_rows(const ggml_tensor& matrix, int64_t rows) {
    ggml_tensor some = matrix;
    some.ne[1] = rows;
    some.ne[2] = some.ne[3] = 1;
    some.nb[2] = some.nb[3] = some.nb[1] * static_cast<size_t>(rows);
    return some;
}

}  // namespace flash
