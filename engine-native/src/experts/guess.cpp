#include "experts/guess.h"

#include <algorithm>

#include "experts/warming.h"

namespace flash {

std::vector<const ExpertMatrix*> in_order_of_use(const Experts& experts,
                                                 const std::vector<const TensorInfo*>& tensors) {
    std::vector<const ExpertMatrix*> matrices;
    for (const TensorInfo* tensor : tensors) matrices.push_back(experts.place(*tensor).matrix);
    for (const ExpertMatrix& matrix : experts.place(*tensors.front()).layer->matrices) {
        if (std::find(matrices.begin(), matrices.end(), &matrix) == matrices.end()) matrices.push_back(&matrix);
    }
    return matrices;
}

Guess::Guess(Experts& experts, GuessRecord& record, const std::vector<const TensorInfo*>& tensors,
             const std::vector<int32_t>& chosen, std::unique_ptr<Guess> former)
    : experts_(experts),
      record_(record),
      place_(experts.place(*tensors.front())),
      matrices_(in_order_of_use(experts, tensors)),
      former_(std::move(former)) {
    for (size_t rank = 0; rank < chosen.size(); rank++) {
        if (chosen[rank] < 0 || static_cast<uint32_t>(chosen[rank]) >= place_.layer->experts) continue;
        const uint32_t number = place_.layer->first + static_cast<uint32_t>(chosen[rank]);
        const Expected* known = former_ ? former_->claim(number) : nullptr;
        if (known != nullptr && known->held) {
            expected_.push_back({number, rank, known->missing, true, false, known->reads});
            continue;
        }
        const bool missing = experts_.pool_.find(number) == nullptr;
        expected_.push_back({number, rank, missing, false, false, {}});
        if (missing || !record_.pays(rank)) continue;
        // It must not leave for those that are missing.
        experts_.pool_.hold(number);
        experts_.warming_->promote(number);
        expected_.back().held = true;
    }
    if (former_) former_->settle();
    read_missing();
}

void Guess::read_missing() {
    ExpertPool& pool = experts_.pool_;
    std::vector<Expected*> admitted;
    for (Expected& expected : expected_) {
        if (!expected.missing || expected.held || !record_.pays(expected.rank)) continue;
        const double rank = experts_.rank(expected.number);
        expected.held = pool.admit(expected.number, place_.layer->bundle_bytes, rank, true) != nullptr;
        if (expected.held) admitted.push_back(&expected);
    }
    for (const ExpertMatrix* matrix : matrices_) {
        for (Expected* expected : admitted) {
            for (uint32_t part = 0; part < matrix->parts(); part++) {
                ExpertRead& read = reads_.emplace_back();
                read.part = matrix->part(expected->number - place_.layer->first, part);
                read.memory = pool.find(expected->number);
                experts_.submit(read, read.room());
                expected->reads.push_back(&read);
            }
        }
    }
}

Guess::Expected* Guess::claim(uint32_t number) {
    const auto found = std::find_if(expected_.begin(), expected_.end(),
                                    [&](const Expected& expected) { return expected.number == number; });
    if (found != expected_.end()) {
        found->taken = true;
        return &*found;
    }
    Expected* earlier = former_ ? former_->claim(number) : nullptr;
    if (earlier == nullptr) return nullptr;
    // Its reads were ended when we thought otherwise.
    for (ExpertRead* read : earlier->reads) experts_.queue_.resume(read->request);
    return earlier;
}

std::vector<ExpertRead*> Guess::take(uint32_t number) {
    const Expected* expected = claim(number);
    if (expected == nullptr) return {};
    for (const ExpertRead* read : expected->reads) count(read->part.size);
    return expected->reads;
}

void Guess::count(uint64_t bytes) {
    experts_.count_read(bytes);
    experts_.stats_.guessed_bytes += bytes;
}

bool Guess::reads() const {
    return std::any_of(expected_.begin(), expected_.end(),
                       [](const Expected& expected) { return !expected.reads.empty(); });
}

size_t Guess::missing() const {
    return static_cast<size_t>(
        std::count_if(expected_.begin(), expected_.end(), [](const Expected& expected) { return expected.missing; }));
}

void Guess::settle() {
    for (const Expected& expected : expected_) {
        if (expected.missing) record_.note(expected.rank, expected.taken);
        if (expected.taken) continue;
        for (ExpertRead* read : expected.reads) experts_.queue_.cancel(read->request);
    }
}

Guess::~Guess() {
    for (const Expected& expected : expected_) {
        if (expected.taken || !expected.held) continue;
        experts_.let_go(expected.number, expected.reads);
        for (const ExpertRead* read : expected.reads) {
            const uint64_t begun = std::min(read->request.begun, read->part.size);
            if (begun > 0) count(begun);
            experts_.stats_.wasted_bytes += begun;
        }
    }
}

}  // namespace flash
