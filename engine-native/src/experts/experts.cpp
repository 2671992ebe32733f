#include "experts/experts.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <utility>

#include "experts/guess.h"
#include "experts/warming.h"
#include "ggml-impl.h"

namespace flash {
namespace {

/**
 * Percent of guesses that must be right, see GuessRecord. With uniform routing the disk has nothing to do for a fifth
 * to a third of the time; and before the next token is known there is nothing else to read.
 */
constexpr uint32_t kOfNextLayer = 75;
constexpr uint32_t kOfNextToken = 50;
/** Experts of the first layer that must be missing on average, and tokens over which that is the average. */
constexpr double kOftenMissing = 0.5;
constexpr double kLately = 8;

/** More than any two ranks of a policy differ by. */
constexpr double kBorrowed = 1e6;

std::vector<TensorInfo> expert_tensors(const Model& model, const Plan& plan) {
    std::vector<TensorInfo> tensors;
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (plan.placement[i] == Placement::Experts) tensors.push_back(model.tensors[i]);
    }
    return tensors;
}

/** Tokens whose choices, all different, would fill the pool. */
double half_life(const Model& model, const Plan& plan, const ExpertLayout& layout) {
    const uint64_t of_a_token = model.experts_used * layout.layers().size() * layout.largest_bundle();
    return std::max(
        1.0, static_cast<double>(plan.expert_pool_bytes) / static_cast<double>(std::max<uint64_t>(1, of_a_token)));
}

}  // namespace

Experts::Experts(const Model& model, const Plan& plan, ReadStats& stats)
    : tensors_(expert_tensors(model, plan)),
      layout_(tensors_),
      policy_(layout_.experts(), half_life(model, plan, layout_)),
      pool_(plan.expert_pool_bytes, layout_.smallest_bundle(), layout_.largest_bundle(),
            [this](uint32_t expert) { warming_->drop(expert); }),
      borrowed_(layout_.experts()),
      hot_set_(model.files.front()),
      ring_(plan.expert_ring_bytes),
      ring_room_(layout_.largest_part_room()),
      guesses_(kOfNextLayer),
      first_guesses_{GuessRecord(kOfNextToken, true), GuessRecord(kOfNextToken, true), GuessRecord(kOfNextLayer)},
      stats_(stats) {
    for (uint32_t number = 0; number < layout_.layers().size(); number++) {
        const ExpertLayer& layer = layout_.layers()[number];
        for (const ExpertMatrix& matrix : layer.matrices) {
            by_name_[tensors_[matrix.tensor].name] = &tensors_[matrix.tensor];
            places_[&tensors_[matrix.tensor]] = ExpertPlace{&layer, &matrix, number};
        }
    }
}

Experts::~Experts() { keep(); }

Result<std::unique_ptr<Experts>> Experts::open(const Model& model, const Plan& plan, ReadStats& stats,
                                               const std::string& trace_path) {
    if (plan.expert_pool_bytes == 0) return std::unique_ptr<Experts>();
    std::unique_ptr<Experts> experts(new Experts(model, plan, stats));
    if (experts->ring_.size() < plan.expert_ring_bytes) {
        return Error{FLASH_READ_FAILED, "no memory for buffers of " + std::to_string(plan.staging_bytes) + " bytes"};
    }
    for (const std::string& path : model.files) {
        Result<Reader> reader = Reader::open(path);
        if (!reader) return reader.error();
        experts->readers_.push_back(std::move(*reader));
    }
    if (!trace_path.empty()) {
        Result<RoutingTrace> trace = RoutingTrace::create(trace_path);
        if (!trace) return trace.error();
        for (const ExpertLayer& layer : experts->layout_.layers()) {
            trace->layer(layer.prefix, layer.experts, layer.bundle_bytes);
        }
        experts->trace_ = std::move(*trace);
    }
    std::error_code unknown;
    experts->model_bytes_ = std::filesystem::file_size(model.files.front(), unknown);
    experts->prepare();
    return experts;
}

const TensorInfo* Experts::find(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

Result<bool> Experts::copy(const TensorInfo& tensor, uint64_t offset, uint64_t size, void* data) const {
    const AlignedBuffer buffer(Reader::room_bytes(size));
    const auto bytes = readers_[tensor.file].read(tensor.offset + offset, size, buffer);
    if (!bytes) return bytes.error();
    std::memcpy(data, *bytes, size);
    return true;
}

void Experts::submit(ExpertRead& read, Room room, ReadQueue::Lane lane) {
    read.request.file = &readers_[read.part.file];
    read.request.offset = read.part.offset;
    read.request.size = read.part.size;
    read.request.room = room;
    read.submitted = true;
    queue_.submit(read.request, lane);
}

void Experts::count_read(uint64_t bytes) {
    stats_.read_bytes += bytes;
    stats_.reads++;
}

bool Experts::end(const std::vector<ExpertRead*>& reads) {
    bool whole = true;
    for (ExpertRead* read : reads) whole = queue_.withdraw(read->request) == ReadRequest::State::Done && whole;
    return whole;
}

double Experts::rank(uint32_t expert) const { return policy_.rank(expert) - (borrowed_[expert] ? kBorrowed : 0); }

void Experts::let_go(uint32_t expert, const std::vector<ExpertRead*>& reads) {
    if (end(reads))
        pool_.release(expert, rank(expert));
    else
        pool_.drop(expert);
}

void Experts::keep() {
    const std::lock_guard use(use_);
    if (now_ == 0) return;
    std::vector<double> counts;
    for (uint32_t expert = 0; expert < layout_.experts(); expert++) counts.push_back(policy_.count(expert, now_));
    const std::string failure = hot_set_.save(counts, model_bytes_);
    if (!failure.empty()) GGML_LOG_WARN("%s\n", failure.c_str());
}

void Experts::prepare() {
    warming_ = std::make_unique<Warming>(*this);
    const std::vector<double> counts = hot_set_.load(layout_.experts(), model_bytes_);
    struct Candidate {
        const ExpertLayer* layer;
        uint32_t expert;  // in its layer
    };
    std::vector<Candidate> candidates;
    for (const ExpertLayer& layer : layout_.layers()) {
        for (uint32_t expert = 0; expert < layer.experts; expert++) {
            policy_.set(layer.first + expert, counts[layer.first + expert]);
            candidates.push_back({&layer, expert});
        }
    }
    // Those that were used most last time. Of the others each layer has some: layer by layer, the first layers' would
    // fill the pool.
    std::stable_sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
        const double first = counts[a.layer->first + a.expert];
        const double second = counts[b.layer->first + b.expert];
        return first != second ? first > second : a.expert < b.expert;
    });
    for (const auto& [layer, expert] : candidates) {
        const uint32_t number = layer->first + expert;
        uint8_t* memory = pool_.admit(number, layer->bundle_bytes, rank(number), false);
        if (memory == nullptr) return;
        pool_.release(number, rank(number));
        warming_->add(*layer, number, memory);
    }
}

void Experts::begin_warming() {
    const std::lock_guard use(use_);
    warming_->begin();
    warming_bytes_ = warming_->bytes();
}

uint64_t Experts::warming_bytes() {
    const std::unique_lock use(use_, std::try_to_lock);
    if (use) warming_bytes_ = warming_->bytes();
    return warming_bytes_;
}

void Experts::begin_use() {
    if (!std::exchange(used_, true)) warming_->drop_unused();
}

void Experts::expect_first(const std::vector<const TensorInfo*>& tensors, Token known_as,
                           const std::function<int32_t()>& token,
                           const std::function<std::vector<int32_t>(int32_t)>& guess) {
    const std::unique_lock use(use_, std::try_to_lock);
    if (!use) return;
    begin_use();
    // Before it is known, to guess takes time in which nobody computes.
    const bool pays = first_missing_ >= kOftenMissing && first_guesses_[static_cast<size_t>(Token::Known)].pays();
    if (known_as != Token::Known && !pays) return;
    GuessRecord& record = first_guesses_[static_cast<size_t>(known_as)];
    const int32_t next = token();
    const bool expected = ahead_ && ahead_->is_for(place(*tensors.front()), in_order_of_use(*this, tensors));
    if (expected && ahead_token_ == next && (ahead_->reads() || !record.pays())) return;
    if (!record.guess_again()) return;
    if (!expected) ahead_.reset();
    ahead_ = std::make_unique<Guess>(*this, record, tensors, guess(next), std::move(ahead_));
    ahead_token_ = next;
    first_missing_ += (static_cast<double>(ahead_->missing()) - first_missing_) / kLately;
}

}  // namespace flash
