#include "experts/guess_record.h"

#include <algorithm>

namespace flash {
namespace {

constexpr uint32_t kRemembered = 128;
constexpr uint32_t kEnough = 12;
/** Layers at the beginning, and then of so many one, to learn from. A prime, so that all layers get their turn. */
constexpr uint64_t kFirstLayers = 64;
constexpr uint64_t kOneLayerOf = 37;

}  // namespace

bool GuessRecord::pays(size_t rank) const {
    if (rank >= kRanks) return false;
    Count count = counts_[rank];
    if (count.made < kEnough) {
        for (size_t other = 0; other < kRanks; other++) {
            if (other == rank) continue;
            count.made += counts_[other].made;
            count.right += counts_[other].right;
        }
    }
    if (count.made < kEnough) return trusted_;
    return 100 * count.right >= pays_from_ * count.made;
}

bool GuessRecord::pays() const {
    size_t rank = 0;
    while (rank < kRanks && !pays(rank)) rank++;
    return rank < kRanks;
}

bool GuessRecord::guess_again() {
    const uint64_t layer = layers_++;
    return layer < kFirstLayers || layer % kOneLayerOf == 0 || pays();
}

void GuessRecord::note(size_t rank, bool right) {
    if (rank >= kRanks) return;
    Count& count = counts_[rank];
    if (count.made == kRemembered) {
        count.made /= 2;
        count.right /= 2;
    }
    count.made++;
    if (right) count.right++;
}

}  // namespace flash
