#include "experts/pass.h"

#include <algorithm>
#include <chrono>

namespace flash {
namespace {

constexpr std::chrono::milliseconds kStopInterval(50);
/** Pieces of work for each worker, so that all end at about the same time. */
constexpr size_t kJobsPerWorker = 4;

}  // namespace

ExpertPass::ExpertPass(Experts& experts, const ggml_tensor* ids, const std::vector<const TensorInfo*>& tensors)
    : experts_(experts), use_(experts.use_), ids_(ids), place_(experts.place(*tensors.front())) {
    if (!experts.awaited_.empty()) experts.finish_loading();
    for (const TensorInfo* tensor : tensors) matrices_.push_back(experts.place(*tensor).matrix);
    used_matrices_ = matrices_.size();
    for (const ExpertMatrix& matrix : place_.layer->matrices) {
        if (std::find(matrices_.begin(), matrices_.end(), &matrix) == matrices_.end()) matrices_.push_back(&matrix);
    }
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
        chosen.rank = experts_.policy_.use(chosen.number, experts_.now_, static_cast<uint32_t>(chosen.routes.size()));
    }
}

void ExpertPass::admit() {
    ExpertPool& pool = experts_.pool_;
    for (Chosen& chosen : chosen_) {
        chosen.memory = pool.find(chosen.number);
        chosen.missing = chosen.memory == nullptr;
        if (!chosen.missing) pool.hold(chosen.number);
    }
    for (Chosen& chosen : chosen_) {
        if (!chosen.missing) continue;
        // Routes are in the order of tokens.
        const bool evict = chosen.routes.back().token + 1 == ids_->ne[1];
        chosen.memory = pool.admit(chosen.number, place_.layer->bundle_bytes, chosen.rank, evict);
    }
    std::stable_partition(chosen_.begin(), chosen_.end(), [](const Chosen& chosen) { return !chosen.missing; });
}

void ExpertPass::plan_reads() {
    for (size_t i = 0; i < matrices_.size(); i++) {
        for (Chosen& chosen : chosen_) {
            // What the ring has had is gone: only what is used now goes through it.
            if (!chosen.missing || (chosen.memory == nullptr && i >= used_matrices_)) continue;
            for (uint32_t part = 0; part < matrices_[i]->parts(); part++) {
                Read& read = reads_.emplace_back();
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
        Read& read = reads_[next_read_];
        ReadRequest& request = read.request;
        if (read.memory != nullptr) {
            request.room = Room{read.memory + read.part.room, Reader::room_bytes(read.part.size)};
        } else {
            if (free_rooms_.empty()) break;
            request.room = free_rooms_.back();
            free_rooms_.pop_back();
        }
        request.file = &experts_.readers_[read.part.file];
        request.offset = read.part.offset;
        request.size = read.part.size;
        read.submitted = true;
        experts_.stats_.read_bytes += request.size;
        experts_.stats_.reads++;
        experts_.queue_.submit(request);
    }
    advanced_.notify_all();
}

std::vector<ExpertPass::Job> ExpertPass::jobs_of(const ExpertMatrix& matrix, unsigned workers) const {
    const auto before = std::find(matrices_.begin(), matrices_.end(), &matrix);
    size_t first_read = 0;
    for (auto other = matrices_.begin(); other != before; ++other) first_read += (*other)->parts();
    const size_t parts = chosen_.size() * matrix.parts();
    const auto pieces = static_cast<int64_t>(std::max<size_t>(1, kJobsPerWorker * workers / parts));
    const uint64_t row_bytes = matrix.bytes / static_cast<uint64_t>(matrix.rows);
    std::vector<Job> jobs;
    for (const Chosen& chosen : chosen_) {
        for (uint32_t i = 0; i < matrix.parts(); i++) {
            const ExpertPart part = matrix.part(chosen.expert, i);
            Read* read = chosen.missing ? chosen.reads[first_read + i] : nullptr;
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

ggml_status ExpertPass::fetch(const Job& job, const Stream::Stop& stop, const uint8_t*& weights, std::string& error) {
    if (job.read == nullptr) {
        weights = job.chosen->memory + job.rows.room + job.rows.offset % kReadAlignment + job.skipped;
        return GGML_STATUS_SUCCESS;
    }
    Read& read = *job.read;
    {
        std::unique_lock lock(ring_);
        while (!advanced_.wait_for(lock, kStopInterval, [&] { return read.submitted; })) {
            if (stop()) return GGML_STATUS_ABORTED;
        }
    }
    switch (experts_.queue_.wait(read.request, stop)) {
        case ReadRequest::State::Done:
            read.arrived = true;
            weights = read.request.data + job.skipped;
            return GGML_STATUS_SUCCESS;
        case ReadRequest::State::Failed:
            error = read.request.error;
            return GGML_STATUS_FAILED;
        default:
            return GGML_STATUS_ABORTED;
    }
}

void ExpertPass::release_room(const Read& read) {
    const std::lock_guard lock(ring_);
    free_rooms_.push_back(read.request.room);
    advance();
}

Result<ggml_status> ExpertPass::multiply(Workers& workers, const TensorInfo& tensor, const ggml_tensor* node,
                                         const Stream::Stop& stop) {
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
    const Stream::Stop should_stop = [&] { return ended || stop(); };
    workers.run([&](const Kernel& kernel) {
        ExpertProduct product(node, tensor);
        for (size_t i = next++; i < jobs.size(); i = next++) {
            const Job& job = jobs[i];
            if (should_stop()) return give_up(GGML_STATUS_ABORTED, {});
            const uint8_t* weights = nullptr;
            std::string why;
            const ggml_status fetched = fetch(job, should_stop, weights, why);
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

ExpertPass::~ExpertPass() {
    for (Read& read : reads_) {
        if (read.submitted && !read.arrived) experts_.queue_.withdraw(read.request);
    }
    for (const Chosen& chosen : chosen_) {
        if (chosen.memory == nullptr) continue;
        const bool whole = std::all_of(chosen.reads.begin(), chosen.reads.end(),
                                       [](const Read* read) { return read->arrived.load(); });
        if (whole)
            experts_.pool_.release(chosen.number, chosen.rank);
        else
            experts_.pool_.drop(chosen.number);
    }
}

}  // namespace flash
