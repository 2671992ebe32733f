// flint-simulate: replays a recording of a MoE model's routing (flint run --trace) on pools of different policies and
// sizes. The policies are the engine's own. Prints a table in Markdown: the share of expert uses that find the expert
// in the pool, while decoding.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "experts/policy.h"
#include "random.h"

namespace {

/** One MoE layer of one batch. */
struct Step {
    size_t layer;
    std::vector<uint32_t> experts;  // the distinct ones, by their number among all
    std::vector<uint32_t> tokens;   // that use each
    std::vector<bool> last;         // whether the last token is among those
    bool decoding;                  // a single token
};

struct Trace {
    std::vector<uint32_t> first;  // by layer, and the number of all experts at the end
    std::vector<Step> steps;
};

void add_step(Trace& trace, size_t layer, const std::vector<std::vector<uint32_t>>& chosen) {
    const uint32_t first = trace.first.at(layer);
    const uint32_t count = trace.first.at(layer + 1) - first;
    std::vector<uint32_t> uses(count);
    for (const auto& token : chosen) {
        for (const uint32_t expert : token) uses.at(expert)++;
    }
    Step step{layer, {}, {}, {}, chosen.size() == 1};
    const std::vector<uint32_t>& last = chosen.back();
    for (uint32_t expert = 0; expert < count; expert++) {
        if (uses[expert] == 0) continue;
        step.experts.push_back(first + expert);
        step.tokens.push_back(uses[expert]);
        step.last.push_back(std::find(last.begin(), last.end(), expert) != last.end());
    }
    trace.steps.push_back(std::move(step));
}

Trace read_trace(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line) || line != "flint-routing 1") throw std::runtime_error(path + " is not a trace");
    Trace trace{{0}, {}};
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string word;
        words >> word;
        if (word == "layer") {
            uint32_t experts = 0;
            words >> word >> experts;
            trace.first.push_back(trace.first.back() + experts);
            continue;
        }
        const size_t layer = std::stoul(word);
        std::vector<std::vector<uint32_t>> chosen;
        while (words >> word) {
            if (word == ":")
                chosen.emplace_back();
            else
                chosen.back().push_back(static_cast<uint32_t>(std::stoul(word)));
        }
        add_step(trace, layer, chosen);
    }
    return trace;
}

/**
 * Routing as was published of Qwen3-30B-A3B (48 layers, 128 experts, 8 used): 45% of choices are repeated by the next
 * token and 80% were made within the last eight (pull request 1359 of kekzl/imp), 65 of 128 experts take 90% of all
 * choices over mixed text (the routing de-risk page of mcp-tool-shop's gpu-container). Each choice is one of the last
 * token's with one probability, of the seven before with another, and else drawn by popularity, which each topic of 512
 * tokens has its own of.
 */
Trace published_locality(uint32_t layers, uint32_t tokens) {
    constexpr uint32_t kExperts = 128;
    constexpr uint32_t kUsed = 8;
    constexpr uint32_t kTopic = 512;
    flint::Random random(11);
    const auto chance = [&](double p) { return static_cast<double>(random.below(1U << 30)) < p * (1U << 30); };
    Trace trace{{0}, {}};
    for (uint32_t layer = 0; layer < layers; layer++) trace.first.push_back(kExperts * (layer + 1));
    std::vector<std::vector<std::vector<uint32_t>>> recent(layers);
    std::vector<std::vector<uint32_t>> order(layers);
    for (uint32_t token = 0; token < tokens; token++) {
        for (uint32_t layer = 0; layer < layers; layer++) {
            std::vector<uint32_t>& popular = order[layer];
            if (popular.empty()) {
                for (uint32_t i = 0; i < kExperts; i++) popular.push_back(i);
                for (uint32_t i = kExperts - 1; i > 0; i--) std::swap(popular[i], popular[random.below(i + 1)]);
            } else if (token % kTopic == 0) {  // a new topic: a third change places
                for (uint32_t i = 0; i < kExperts / 6; i++)
                    std::swap(popular[random.below(kExperts)], popular[random.below(kExperts)]);
            }
            auto& past = recent[layer];
            std::vector<uint32_t> chosen;
            while (chosen.size() < kUsed) {
                uint32_t expert = 0;
                if (!past.empty() && chance(0.28)) {
                    expert = past.back()[random.below(kUsed)];
                } else if (past.size() > 1 && chance(0.36)) {
                    expert = past[random.below(past.size() - 1)][random.below(kUsed)];
                } else {  // falls off evenly: 90% of the choices go to the first half
                    const double u = static_cast<double>(random.below(1U << 20)) / (1U << 20);
                    expert = popular[static_cast<size_t>(kExperts * 0.6 * u * u * u)];
                }
                if (std::find(chosen.begin(), chosen.end(), expert) == chosen.end()) chosen.push_back(expert);
            }
            past.push_back(chosen);
            if (past.size() > 8) past.erase(past.begin());
            add_step(trace, layer, {chosen});
        }
    }
    return trace;
}

/** What of a trace is like: share of choices that the last token made too, and that one of the last eight did. */
void describe(const Trace& trace) {
    std::unordered_map<uint32_t, uint64_t> last;  // by expert, the token
    std::vector<uint64_t> now(trace.first.size());
    std::vector<uint64_t> uses(trace.first.back());
    uint64_t all = 0;
    uint64_t next = 0;
    uint64_t eight = 0;
    for (const Step& step : trace.steps) {
        if (!step.decoding) continue;
        const uint64_t token = ++now[step.layer];
        for (const uint32_t expert : step.experts) {
            const auto before = last.find(expert);
            const uint64_t distance = before == last.end() ? UINT64_MAX : token - before->second;
            all++;
            next += distance == 1;
            eight += distance <= 8;
            uses[expert]++;
            last[expert] = token;
        }
    }
    std::sort(uses.rbegin(), uses.rend());
    uint64_t covered = 0;
    size_t needed = 0;
    while (needed < uses.size() && 10 * covered < 9 * all) covered += uses[needed++];
    const auto percent = [&](uint64_t part) { return 100.0 * static_cast<double>(part) / static_cast<double>(all); };
    std::printf(
        "%llu uses while decoding; %.0f%% are repeated from the last token, %.0f%% from the last eight; "
        "%.0f%% of the experts take 90%% of the uses\n\n",
        static_cast<unsigned long long>(all), percent(next), percent(eight),
        100.0 * static_cast<double>(needed) / static_cast<double>(uses.size()));
}

/** As ExpertPass does it: what a layer uses is held, and only what the last token chose evicts. */
template <typename Rank>
double hit_rate(const Trace& trace, size_t room, const Rank& rank_of) {
    std::set<std::pair<double, uint32_t>> pool;
    std::unordered_map<uint32_t, double> ranks;
    uint64_t hits = 0;
    uint64_t uses = 0;
    for (uint32_t i = 0; i < room; i++) {  // as it is filled while loading
        const auto layers = static_cast<uint32_t>(trace.first.size() - 1);
        const uint32_t layer = i % layers;
        const uint32_t expert = trace.first[layer] + i / layers;
        if (expert >= trace.first[layer + 1]) continue;
        ranks[expert] = -std::numeric_limits<double>::infinity();
        pool.insert({ranks[expert], expert});
    }
    uint64_t now = 0;
    for (size_t s = 0; s < trace.steps.size(); s++) {
        const Step& step = trace.steps[s];
        if (step.layer == 0) now++;
        std::vector<std::pair<double, uint32_t>> held;
        std::vector<std::pair<uint32_t, bool>> missing;  // whether the last token uses it
        for (size_t i = 0; i < step.experts.size(); i++) {
            const uint32_t expert = step.experts[i];
            const double rank = rank_of(expert, now, step.tokens[i], s);
            const auto found = ranks.find(expert);
            if (step.decoding) uses++;
            held.push_back({rank, expert});
            if (found == ranks.end()) {
                missing.push_back({expert, step.last[i]});
                continue;
            }
            if (step.decoding) hits++;
            pool.erase({found->second, expert});
        }
        for (const auto& [expert, evicts] : missing) {
            while (ranks.size() >= room && evicts && !pool.empty()) {
                ranks.erase(pool.begin()->second);
                pool.erase(pool.begin());
            }
            if (ranks.size() < room) ranks[expert] = 0;
        }
        for (const auto& [rank, expert] : held) {
            if (ranks.count(expert) == 0) continue;
            ranks[expert] = rank;
            pool.insert({rank, expert});
        }
    }
    return static_cast<double>(hits) / static_cast<double>(uses);
}

double simulate(const Trace& trace, size_t room, flash::Policy& policy) {
    return hit_rate(trace, room, [&](uint32_t expert, uint64_t now, uint32_t tokens, size_t) {
        return policy.use(expert, now, tokens);
    });
}

/** Belady's optimum: the one that is used again last leaves first. */
double simulate_optimum(const Trace& trace, size_t room) {
    std::vector<std::unordered_map<uint32_t, size_t>> next(trace.steps.size());
    std::unordered_map<uint32_t, size_t> later;
    for (size_t s = trace.steps.size(); s > 0; s--) {
        for (const uint32_t expert : trace.steps[s - 1].experts) {
            const auto found = later.find(expert);
            next[s - 1][expert] = found == later.end() ? SIZE_MAX : found->second;
            later[expert] = s - 1;
        }
    }
    return hit_rate(trace, room, [&](uint32_t expert, uint64_t, uint32_t, size_t step) {
        return -static_cast<double>(next[step].at(expert));
    });
}

/** Of all layers. */
double uses_of_a_token(const Trace& trace) {
    size_t uses = 0;
    size_t tokens = 0;
    for (const Step& step : trace.steps) {
        if (!step.decoding) continue;
        uses += step.experts.size();
        if (step.layer == 0) tokens++;
    }
    return static_cast<double>(uses) / static_cast<double>(tokens);
}

void print_table(const Trace& trace) {
    describe(trace);
    const double half_lives[] = {4, 8, 16, 32, 64, 256};
    std::printf("| pool | LRU | LFU | ours |");
    for (const double half_life : half_lives) std::printf(" half-life %.0f |", half_life);
    std::printf(" Belady |\n|---|---|---|");
    for (size_t i = 0; i <= std::size(half_lives) + 1; i++) std::printf("---|");
    std::printf("\n");
    const uint32_t experts = trace.first.back();
    for (const double share : {0.1, 0.2, 0.3, 0.4, 0.5, 0.7}) {
        const auto room = static_cast<size_t>(share * experts);
        std::printf("| %.0f%% of the experts |", 100 * share);
        const auto print = [](double rate) { std::printf(" %.1f%% |", 100 * rate); };
        flash::LeastRecentlyUsed recent(experts);
        print(simulate(trace, room, recent));
        flash::LeastFrequentlyUsed frequent(experts);
        print(simulate(trace, room, frequent));
        flash::DecayedFrequency ours(experts, std::max(1.0, static_cast<double>(room) / uses_of_a_token(trace)));
        print(simulate(trace, room, ours));
        for (const double half_life : half_lives) {
            flash::DecayedFrequency decayed(experts, half_life);
            print(simulate(trace, room, decayed));
        }
        print(simulate_optimum(trace, room));
        std::printf("\n");
    }
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::fprintf(stderr, "usage: flint-simulate TRACE | --published\n");
        return 2;
    }
    try {
        const std::string what = arguments[1];
        print_table(what == "--published" ? published_locality(12, 4000) : read_trace(what));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "flint-simulate: %s\n", error.what());
        return 1;
    }
}
