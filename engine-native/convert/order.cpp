#include "order.h"

#include <algorithm>

namespace flash {
namespace {

using Bits = std::vector<uint64_t>;  // a bit for each token

int common(const uint64_t* a, const uint64_t* b, size_t words) {
    int count = 0;
    for (size_t i = 0; i < words; i++) count += __builtin_popcountll(a[i] & b[i]);
    return count;
}

}  // namespace

std::vector<uint32_t> neuron_order(const Matrix& products) {
    constexpr size_t kWordBits = 64;
    constexpr int64_t kMostTokens = 1024;  // more would tell little, and cost as much again
    const int64_t tokens = std::min(products.rows, kMostTokens);
    const size_t words = (static_cast<size_t>(tokens) + kWordBits - 1) / kWordBits;
    const auto neurons = static_cast<uint32_t>(products.columns);
    Bits active(neurons * words);
    std::vector<int> count(neurons);
    for (int64_t t = 0; t < tokens; t++) {
        for (uint32_t i = 0; i < neurons; i++) {
            if (products.row(t)[i] <= 0) continue;
            active[i * words + static_cast<size_t>(t) / kWordBits] |= uint64_t{1}
                                                                      << (static_cast<size_t>(t) % kWordBits);
            count[i]++;
        }
    }
    std::vector<uint32_t> left;
    std::vector<uint32_t> order;
    for (uint32_t i = 0; i < neurons; i++) left.push_back(i);
    std::stable_sort(left.begin(), left.end(), [&](uint32_t a, uint32_t b) { return count[a] > count[b]; });
    std::vector<uint32_t> never;
    while (!left.empty() && count[left.back()] == 0) {
        never.push_back(left.back());
        left.pop_back();
    }
    std::reverse(never.begin(), never.end());
    while (!left.empty()) {
        size_t best = 0;
        if (!order.empty()) {
            const uint64_t* last = active.data() + order.back() * words;
            int most = -1;
            for (size_t i = 0; i < left.size(); i++) {
                // The rest is less active than what is found in common already.
                if (count[left[i]] <= most) break;
                const int shared = common(last, active.data() + left[i] * words, words);
                if (shared <= most) continue;
                most = shared;
                best = i;
            }
        }
        order.push_back(left[best]);
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(best));
    }
    order.insert(order.end(), never.begin(), never.end());
    return order;
}

}  // namespace flash
