#include "experts/pass.h"

#include <algorithm>
#include <chrono>

#include "experts/warming.h"

namespace flash {
namespace {

constexpr std::chrono::milliseconds kStopInterval(50);
/** Pieces of work for each worker, so that all end at about the same time. */
constexpr size_t kJobsPerWorker = 4;

}  // namespace

ExpertPass::ExpertPass(Experts& experts, const ggml_tensor* ids, const std::vector<const TensorInfo*>& tensors)
    : experts_(experts), use_(experts.use_), ids_(ids), place_(experts.place(*tensors.front())) {
    experts.begin_use();
    matrices_ = in_order_of_use(experts, tensors);
    used_matrices_ = tensors.size();
    if (experts.ahead_ && experts.ahead_->is_for(place_, matrices_)) guess_ = std::move(experts.ahead_);
    experts.ahead_.reset();
    choose();
    if (!error_.empty()) return;
    admit();
    plan_reads();
}

void ExpertPass::choose() {
    const auto tokens = static_cast<uint32_t>(ids_->ne[1]);
    std::vector<int32_t> ids;
    std::vector<std::vector<Route>> routes(place_.layer->experts);
    for (int64_t token = 0; token < ids_->ne[1]; token++) {
        for (int64_t choice = 0; choice < ids_->ne[0]; choice++) {
            const auto* row = static_cast<const uint8_t*>(ids_->data) + static_cast<size_t>(token) * ids_->nb[1];
            const int32_t id = *reinterpret_cast<const int32_t*>(row + static_cast<size_t>(choice) * ids_->nb[0]);
            if (id < 0 || static_cast<uint32_t>(id) >= place_.layer->experts) {
                error_ = "expert " + std::to_string(id) + " is not in " + place_.layer->prefix;
                return;
            }
            routes[static_cast<size_t>(id)].push_back({static_cast<int32_t>(choice), static_cast<int32_t>(token)});
            ids.push_back(id);
        }
    }
    if (experts_.trace_) experts_.trace_->record(place_.layer_number, ids, static_cast<size_t>(ids_->ne[0]));
    if (experts_.last_layer_ >= place_.layer_number) experts_.now_ += tokens;
    experts_.last_layer_ = place_.layer_number;
    for (uint32_t expert = 0; expert < place_.layer->experts; expert++) {
        if (routes[expert].empty()) continue;
        Chosen& chosen = chosen_.emplace_back();
        chosen.number = place_.layer->first + expert;
        chosen.expert = expert;
        chosen.routes = std::move(routes[expert]);
        experts_.policy_.use(chosen.number, experts_.now_, static_cast<uint32_t>(chosen.routes.size()));
    }
}

void ExpertPass::admit() {
    ExpertPool& pool = experts_.pool_;
    for (Chosen& chosen : chosen_) {
        chosen.memory = pool.find(chosen.number);
        if (guess_) chosen.reads = guess_->take(chosen.number);
        if (chosen.memory != nullptr && chosen.reads.empty()) take_over(chosen);
        chosen.missing = chosen.memory == nullptr || !chosen.reads.empty();
        if (chosen.memory != nullptr) pool.hold(chosen.number);
    }
    if (guess_) guess_->settle();
    for (Chosen& chosen : chosen_) {
        // Routes are in the order of tokens.
        const bool of_last_token = chosen.routes.back().token + 1 == ids_->ne[1];
        if (of_last_token) experts_.borrowed_[chosen.number] = false;
        if (chosen.memory != nullptr) continue;
        experts_.borrowed_[chosen.number] = !of_last_token;
        const double rank = experts_.rank(chosen.number);
        chosen.memory = pool.admit(chosen.number, place_.layer->bundle_bytes, rank, of_last_token);
    }
    const auto rest =
        std::stable_partition(chosen_.begin(), chosen_.end(), [](const Chosen& chosen) { return !chosen.missing; });
    std::stable_partition(rest, chosen_.end(), [](const Chosen& chosen) { return !chosen.reads.empty(); });
}

void ExpertPass::take_over(Chosen& chosen) {
    chosen.warming = experts_.warming_->take(chosen.number);
    if (chosen.warming.empty()) return;
    const std::vector<ExpertMatrix>& layer = place_.layer->matrices;
    for (const ExpertMatrix* matrix : matrices_) {
        size_t at = 0;
        for (const ExpertMatrix* before = layer.data(); before != matrix; before++) at += before->parts();
        for (uint32_t part = 0; part < matrix->parts(); part++) {
            chosen.reads.push_back(&chosen.warming[at + part]);
        }
    }
}

void ExpertPass::plan_reads() {
    const auto first = std::find_if(chosen_.begin(), chosen_.end(),
                                    [](const Chosen& chosen) { return chosen.missing && chosen.reads.empty(); });
    for (size_t i = 0; i < matrices_.size(); i++) {
        for (auto at = first; at != chosen_.end(); ++at) {
            Chosen& chosen = *at;
            // What the ring has had is gone: only what is used now goes through it.
            if (chosen.memory == nullptr && i >= used_matrices_) continue;
            for (uint32_t part = 0; part < matrices_[i]->parts(); part++) {
                ExpertRead& read = reads_.emplace_back();
                read.part = matrices_[i]->part(chosen.expert, part);
                read.memory = chosen.memory;
                chosen.reads.push_back(&read);
            }
        }
    }
    for (uint64_t at = 0; at + experts_.ring_room_ <= experts_.ring_.size(); at += experts_.ring_room_) {
        free_rooms_.push_back(experts_.ring_.part(at, experts_.ring_room_));
    }
    const std::lock_guard lock(ring_);
    advance();
}

void ExpertPass::advance() {
    for (; next_read_ < reads_.size(); next_read_++) {
        ExpertRead& read = reads_[next_read_];
        if (read.memory != nullptr) {
            experts_.submit(read, read.room());
        } else {
            if (free_rooms_.empty()) break;
            experts_.submit(read, free_rooms_.back());
            free_rooms_.pop_back();
        }
        experts_.count_read(read.part.size);
    }
    advanced_.notify_all();
}

std::vector<ExpertPass::Job> ExpertPass::jobs_of(const ExpertMatrix& matrix, unsigned workers) const {
    const auto before = std::find(matrices_.begin(), matrices_.end(), &matrix);
    size_t first_read = 0;
    for (auto other = matrices_.begin(); other != before; ++other) first_read += (*other)->parts();
    const size_t parts = std::max<size_t>(1, chosen_.size()) * matrix.parts();
    const auto pieces = static_cast<int64_t>(std::max<size_t>(1, kJobsPerWorker * workers / parts));
    const uint64_t row_bytes = matrix.bytes / static_cast<uint64_t>(matrix.rows);
    std::vector<Job> jobs;
    for (const Chosen& chosen : chosen_) {
        for (uint32_t i = 0; i < matrix.parts(); i++) {
            const ExpertPart part = matrix.part(chosen.expert, i);
            ExpertRead* read = chosen.missing ? chosen.reads[first_read + i] : nullptr;
            // A room of the ring has one user, who frees it.
            const int64_t shares = read != nullptr && read->memory == nullptr ? 1 : pieces;
            const int64_t groups = (part.rows + kRowGroup - 1) / kRowGroup;
            const int64_t step = (groups + shares - 1) / shares * kRowGroup;
            for (int64_t row = 0; row < part.rows; row += step) {
                Job job{&chosen, part, static_cast<uint64_t>(row) * row_bytes, read};
                job.rows.row += row;
                job.rows.rows = std::min(step, part.rows - row);
                job.rows.size = static_cast<uint64_t>(job.rows.rows) * row_bytes;
                jobs.push_back(job);
            }
        }
    }
    return jobs;
}

ggml_status ExpertPass::fetch(const Job& job, const Stop& stop, const uint8_t*& weights, std::string& error) {
    if (job.read == nullptr) {
        weights = job.chosen->memory + job.rows.room + job.rows.offset % kReadAlignment + job.skipped;
        return GGML_STATUS_SUCCESS;
    }
    ExpertRead& read = *job.read;
    {
        std::unique_lock lock(ring_);
        while (!advanced_.wait_for(lock, kStopInterval, [&] { return read.submitted; })) {
            if (stop()) return GGML_STATUS_ABORTED;
        }
    }
    switch (experts_.queue_.wait(read.request, stop)) {
        case ReadRequest::State::Done:
            weights = read.request.data + job.skipped;
            return GGML_STATUS_SUCCESS;
        case ReadRequest::State::Failed:
            error = read.request.error;
            return GGML_STATUS_FAILED;
        default:
            return GGML_STATUS_ABORTED;
    }
}

void ExpertPass::release_room(const ExpertRead& read) {
    const std::lock_guard lock(ring_);
    free_rooms_.push_back(read.request.room);
    advance();
}

Result<ggml_status> ExpertPass::multiply(Workers& workers, const TensorInfo& tensor, const ggml_tensor* node,
                                         const Stop& stop) {
    if (!error_.empty()) return Error{FLASH_READ_FAILED, error_};
    const std::vector<Job> jobs = jobs_of(*experts_.place(tensor).matrix, workers.count());
    std::atomic<size_t> next{0};
    std::atomic<bool> ended{false};  // early
    std::mutex outcome;
    ggml_status status = GGML_STATUS_SUCCESS;  // guarded by outcome, as is error
    std::string error;
    const auto give_up = [&](ggml_status why, const std::string& message) {
        const std::lock_guard lock(outcome);
        if (status == GGML_STATUS_SUCCESS) {
            status = why;
            error = message;
        }
        ended = true;
    };
    const Stop should_stop = [&] { return ended || stop(); };
    workers.run([&](const Kernel& kernel) {
        ExpertProduct product(node, tensor);
        for (size_t i = next++; i < jobs.size(); i = next++) {
            const Job& job = jobs[i];
            if (should_stop()) return give_up(GGML_STATUS_ABORTED, {});
            const uint8_t* weights = nullptr;
            std::string why;
            const ggml_status fetched = fetch(job, should_stop, weights, why);
            workers.keep_apart(kernel);
            if (fetched != GGML_STATUS_SUCCESS) return give_up(fetched, why);
            const ggml_status computed =
                product.multiply(kernel, job.chosen->routes, job.rows.row, job.rows.rows, weights);
            if (computed != GGML_STATUS_SUCCESS) return give_up(computed, {});
            experts_.stats_.used_bytes += job.rows.size;
            if (job.read != nullptr && job.read->memory == nullptr) release_room(*job.read);
        }
    });
    if (!error.empty()) return Error{FLASH_READ_FAILED, error};
    return status;
}

bool ExpertPass::guesses() { return error_.empty() && ids_->ne[1] == 1 && experts_.guesses_.guess_again(); }

void ExpertPass::expect(const std::vector<const TensorInfo*>& tensors, const std::vector<int32_t>& experts) {
    experts_.ahead_ = std::make_unique<Guess>(experts_, experts_.guesses_, tensors, experts, nullptr);
}

ExpertPass::~ExpertPass() {
    for (const Chosen& chosen : chosen_) {
        if (chosen.memory == nullptr)
            experts_.end(chosen.reads);
        else
            experts_.let_go(chosen.number, chosen.reads);
    }
}

}  // namespace flash
