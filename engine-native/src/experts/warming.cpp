#include "experts/warming.h"

#include <algorithm>
#include <cmath>

namespace flash {

using State = ReadRequest::State;

Warming::~Warming() {
    for (auto& [number, reads] : coming_) end(reads);
}

void Warming::add(const ExpertLayer& layer, uint32_t number, uint8_t* memory) {
    std::vector<ExpertRead>& reads = coming_[number];
    for (const ExpertMatrix& matrix : layer.matrices) {
        for (uint32_t part = 0; part < matrix.parts(); part++) {
            reads.emplace_back();
            reads.back().part = matrix.part(number - layer.first, part);
            reads.back().memory = memory;
        }
    }
    order_.push_back(number);
}

void Warming::begin() {
    for (const uint32_t number : order_) {
        const auto found = coming_.find(number);
        if (found == coming_.end()) continue;
        for (ExpertRead& read : found->second) experts_.submit(read, read.room(), ReadQueue::Lane::Background);
    }
}

std::vector<ExpertRead> Warming::take(uint32_t number) {
    const auto found = coming_.find(number);
    if (found == coming_.end()) return {};
    std::vector<ExpertRead> reads = std::move(found->second);
    coming_.erase(found);
    bool here = true;
    for (ExpertRead& read : reads) {
        const State state = experts_.queue_.state(read.request);
        if (state == State::Done) continue;
        here = false;
        experts_.count_read(read.part.size);
        if (state == State::Queued || state == State::Running)
            experts_.queue_.promote(read.request);
        else
            experts_.submit(read, read.room());  // succeeds now, or the failure is reported
    }
    return here ? std::vector<ExpertRead>() : std::move(reads);
}

void Warming::promote(uint32_t number) {
    const auto found = coming_.find(number);
    if (found == coming_.end()) return;
    for (ExpertRead& read : found->second) experts_.queue_.promote(read.request);
}

void Warming::end(std::vector<ExpertRead>& reads) {
    // From the end: what is begun meanwhile is what is to be waited for.
    for (auto read = reads.rbegin(); read != reads.rend(); ++read) experts_.queue_.withdraw(read->request);
}

void Warming::drop(uint32_t number) {
    const auto found = coming_.find(number);
    if (found == coming_.end()) return;
    end(found->second);
    coming_.erase(found);
}

void Warming::drop_unused() {
    while (!order_.empty()) {
        const uint32_t number = order_.back();
        const auto found = coming_.find(number);
        if (found != coming_.end()) {
            // They are the last. A disk that does not answer must not be waited for here.
            const bool begun = experts_.queue_.state(found->second.front().request) != State::Queued;
            if (begun || !std::isinf(experts_.policy_.rank(number))) return;
            drop(number);
            experts_.pool_.drop(number);
        }
        order_.pop_back();
    }
}

void Warming::settle() {
    for (; !order_.empty(); order_.pop_front()) {
        const auto found = coming_.find(order_.front());
        if (found == coming_.end()) continue;
        const auto any = [&](State state) {
            return std::any_of(found->second.begin(), found->second.end(),
                               [&](ExpertRead& read) { return experts_.queue_.state(read.request) == state; });
        };
        if (any(State::Idle) || any(State::Queued) || any(State::Running)) return;
        if (!any(State::Failed)) coming_.erase(found);
    }
}

uint64_t Warming::bytes() {
    settle();
    uint64_t sum = 0;
    for (const uint32_t number : order_) {
        const auto found = coming_.find(number);
        if (found == coming_.end()) continue;
        for (const ExpertRead& read : found->second) sum += read.part.size;
    }
    return sum;
}

}  // namespace flash
