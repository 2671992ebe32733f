// What decides which experts are in memory: the policy, the pool and its budget, and the file that outlives a session.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>

#include "experts/guess_record.h"
#include "experts/hot_set.h"
#include "experts/policy.h"
#include "experts/pool.h"
#include "random.h"
#include "tests.h"

namespace flint {
namespace {

using flash::DecayedFrequency;
using flash::ExpertPool;
using flash::GuessRecord;
using flash::HotSet;

void policies_rank() {
    flash::LeastRecentlyUsed recent(3);
    recent.use(0, 1, 5);
    recent.use(1, 1, 1);
    CHECK(recent.rank(2) < recent.rank(0) && recent.rank(0) < recent.rank(1));
    flash::LeastFrequentlyUsed frequent(3);
    frequent.use(0, 1, 5);
    frequent.use(1, 9, 1);
    CHECK(frequent.rank(2) < frequent.rank(1) && frequent.rank(1) < frequent.rank(0));

    DecayedFrequency decayed(3, 10);
    decayed.use(0, 0, 1);
    CHECK(std::abs(decayed.count(0, 0) - 0) < 1e-9);   // one use
    CHECK(std::abs(decayed.count(0, 10) + 1) < 1e-9);  // half a use
    decayed.use(0, 10, 1);
    CHECK(std::abs(std::exp2(decayed.count(0, 10)) - 1.5) < 1e-9);
    decayed.use(1, 10, 1);
    CHECK(decayed.rank(1) < decayed.rank(0));
    decayed.use(1, 30, 1);  // 1.25 uses beside 0.375
    CHECK(decayed.rank(1) > decayed.rank(0));
    CHECK(decayed.rank(2) < decayed.rank(0) && std::isinf(decayed.count(2, 30)));
    // A million tokens later counts are as exact as in the beginning.
    decayed.use(2, 1'000'000, 1);
    decayed.use(2, 1'000'010, 1);
    CHECK(std::abs(std::exp2(decayed.count(2, 1'000'010)) - 1.5) < 1e-6);
}

void pool_evicts_the_lowest_rank() {
    constexpr uint64_t kSize = 8192;
    std::vector<uint32_t> left;
    ExpertPool pool(3 * kSize, kSize, kSize, [&](uint32_t expert) { left.push_back(expert); });
    for (const uint32_t expert : {10U, 11U, 12U}) {
        CHECK(pool.admit(expert, kSize, 0, true) != nullptr);
        pool.release(expert, 100.0 - expert);
    }
    CHECK(pool.admit(13, kSize, 0, false) == nullptr);  // not without another leaving
    CHECK(pool.find(12) != nullptr);
    pool.hold(12);
    CHECK(pool.admit(13, kSize, 0, true) != nullptr);  // 12 is held, so 11 leaves
    CHECK(pool.find(11) == nullptr && pool.find(12) != nullptr && pool.find(10) != nullptr);
    pool.hold(10);
    CHECK(pool.admit(14, kSize, 0, true) == nullptr);  // all are held
    pool.drop(13);
    CHECK(pool.admit(14, kSize, 0, true) != nullptr);
    CHECK(pool.admit(15, 2 * kSize, 0, true) == nullptr);  // larger than any
    CHECK(left == std::vector<uint32_t>{11});
}

/** Experts of different sizes come and go: never more memory than the budget, and each keeps what was written to it. */
void pool_keeps_its_budget() {
    constexpr uint64_t kSizes[] = {4096, 12288, 40960, 36864};
    constexpr uint64_t kBudget = 300'000;
    ExpertPool pool(kBudget, 4096, 40960, [](uint32_t) {});
    Random random(5);
    std::map<uint32_t, std::pair<uint8_t*, uint8_t>> written;
    for (int i = 0; i < 20'000; i++) {
        const auto expert = static_cast<uint32_t>(random.below(200));
        const uint64_t size = kSizes[expert % 4];
        uint8_t* memory = pool.find(expert);
        if (memory == nullptr) {
            memory = pool.admit(expert, size, 0, true);
            CHECK(memory != nullptr);
            const auto mark = static_cast<uint8_t>(random.next());
            memory[0] = memory[size - 1] = mark;
            written[expert] = {memory, mark};
        } else {
            CHECK(memory == written.at(expert).first);
            CHECK(memory[0] == written.at(expert).second && memory[size - 1] == written.at(expert).second);
            pool.hold(expert);
        }
        pool.release(expert, static_cast<double>(random.below(1000)));
        CHECK(pool.bytes() <= kBudget);
    }
    CHECK(pool.size() > 5);
}

void guesses_must_be_right() {
    GuessRecord record(75);
    CHECK(!record.pays(0) && record.guess_again());
    // A rank of which little is known is as good as all are together.
    for (int i = 0; i < 10; i++) record.note(0, true);
    CHECK(!record.pays(0) && !record.pays(2));
    for (int i = 0; i < 10; i++) record.note(1, true);
    CHECK(record.pays(0) && record.pays(2));
    for (int i = 0; i < 40; i++) {
        record.note(2, false);
        record.note(0, true);
        record.note(1, i % 2 == 0);
        record.note(3, i % 10 != 0);
        record.note(GuessRecord::kRanks, true);
    }
    CHECK(record.pays(0) && !record.pays(1) && !record.pays(2) && record.pays(3));
    CHECK(!record.pays(GuessRecord::kRanks));
    const auto of_a_thousand = [&] {
        int guesses = 0;
        for (int layer = 0; layer < 1000; layer++) guesses += record.guess_again() ? 1 : 0;
        return guesses;
    };
    CHECK_EQUAL(of_a_thousand(), 1000);
    // What was right long ago does not count for ever; and it is found out when it is right again.
    for (const size_t rank : {0, 3}) {
        for (int i = 0; i < 200; i++) record.note(rank, false);
    }
    CHECK(!record.pays(0) && !record.pays(3));
    const int seldom = of_a_thousand();
    CHECK(seldom > 20 && seldom < 35);
    for (int i = 0; i < 300; i++) record.note(0, true);
    CHECK(record.pays(0));
}

void hot_set_survives() {
    const std::string model = scratch_folder() + "/hot.gguf";
    const HotSet set(model);
    const auto nothing = [](const std::vector<double>& counts) {
        return std::all_of(counts.begin(), counts.end(), [](double count) { return std::isinf(count); });
    };
    CHECK(nothing(set.load(3, 77)));
    const double never = -std::numeric_limits<double>::infinity();
    CHECK_EQUAL(set.save({1.5, never, -20.25}, 77), std::string());
    const std::vector<double> counts = set.load(3, 77);
    CHECK_EQUAL(counts.size(), size_t{3});
    CHECK(counts[0] == 1.5 && std::isinf(counts[1]) && counts[2] == -20.25);
    // Of another model at the same place, or damaged.
    CHECK(nothing(set.load(4, 77)));
    CHECK(nothing(set.load(3, 78)));
    for (const char* text : {"", "flint-experts 1 3 77\n1\n2", "flint-experts 9 3 77\n1\n2\n3", "\x7f\x45"}) {
        std::ofstream(model + ".experts", std::ios::trunc) << text;
        CHECK(nothing(set.load(3, 77)));
    }
    std::ofstream(model + ".experts", std::ios::trunc) << "flint-experts 1 3 77\nnan\n1e300\n2";
    const std::vector<double> odd = set.load(3, 77);
    CHECK(std::isinf(odd[0]) && std::isinf(odd[1]) && odd[2] == 2);
    CHECK(!HotSet(scratch_folder() + "/none/hot.gguf").save({1}, 77).empty());
}

}  // namespace

TestCases experts_tests() {
    return {
        {"experts: policies rank by what they say", policies_rank},
        {"experts: the lowest rank that is not held leaves the pool", pool_evicts_the_lowest_rank},
        {"experts: the pool keeps its budget whatever the sizes", pool_keeps_its_budget},
        {"experts: guesses are read while they are right", guesses_must_be_right},
        {"experts: what was used most is known the next time", hot_set_survives},
    };
}

}  // namespace flint
