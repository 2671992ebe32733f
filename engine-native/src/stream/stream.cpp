#include "stream/stream.h"

#include <algorithm>
#include <cstring>

#include "compute/op_slice.h"
#include "ggml-impl.h"

namespace flash {
namespace {

constexpr std::chrono::milliseconds kStopInterval(50);
/** Eighths of a matrix. Of logits these are more likely than the rest: vocabularies begin with what is frequent. */
constexpr uint64_t kPreviewed = 5;

bool handled_by_stream(Placement placement) {
    return placement != Placement::Resident && placement != Placement::Experts;
}

std::vector<TensorInfo> served_tensors(const Model& model, const Plan& plan) {
    std::vector<TensorInfo> tensors;
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (!handled_by_stream(plan.placement[i])) continue;
        tensors.push_back(model.tensors[i]);
        if (plan.placement[i] == Placement::Neurons) tensors.back().use = Use::Neurons;
    }
    return tensors;
}

std::vector<const TensorInfo*> streamed_matrices(const std::vector<TensorInfo>& tensors, const Model& model,
                                                 const Plan& plan) {
    std::vector<const TensorInfo*> result;
    size_t served = 0;
    for (const Placement placement : plan.placement) {
        if (!handled_by_stream(placement)) continue;
        if (placement == Placement::Streamed) result.push_back(&tensors[served]);
        served++;
    }
    GGML_ASSERT(served == tensors.size() && plan.placement.size() == model.tensors.size());
    return result;
}

}  // namespace

Stream::Stream(const Model& model, const Plan& plan, ReadStats& stats)
    : tensors_(served_tensors(model, plan)),
      order_(streamed_matrices(tensors_, model, plan)),
      memory_(plan.ring_bytes),
      row_memory_(plan.row_bytes * kRowsAtOnce),
      row_requests_(kRowsAtOnce),
      stats_(stats) {
    stats_.first_layer = 0;
    for (const TensorInfo& tensor : tensors_) {
        if (tensor.use == Use::Multiply && !order_.has(tensor)) pinned_.emplace(&tensor, tiles_of(tensor));
    }
    for (size_t i = 0; i < row_requests_.size(); i++)
        row_requests_[i].room = row_memory_.part(i * plan.row_bytes, plan.row_bytes);
}

Stream::~Stream() { drop_until(first_ + entries_.size()); }

Result<std::unique_ptr<Stream>> Stream::open(const Model& model, const Plan& plan, ReadStats& stats) {
    std::unique_ptr<Stream> stream(new Stream(model, plan, stats));
    if (stream->memory_.size() < plan.ring_bytes || stream->row_memory_.size() < plan.row_bytes * kRowsAtOnce) {
        return Error{FLASH_READ_FAILED, "no memory for buffers of " + std::to_string(plan.staging_bytes) + " bytes"};
    }
    for (const std::string& path : model.files) {
        Result<Reader> reader = Reader::open(path);
        if (!reader) return reader.error();
        if (!reader->direct()) {
            GGML_LOG_WARN("%s is on a file system without direct reads: each read goes through the page cache\n",
                          path.c_str());
        }
        stream->readers_.push_back(std::move(*reader));
    }
    return stream;
}

const TensorInfo* Stream::find(const std::string& name, Use use) const {
    const auto found = std::find_if(tensors_.begin(), tensors_.end(), [&](const TensorInfo& tensor) {
        const Use served = tensor.use == Use::Neurons ? Use::Multiply : tensor.use;
        return served == use && tensor.name == name;
    });
    return found == tensors_.end() ? nullptr : &*found;
}

Result<bool> Stream::copy(const TensorInfo& tensor, uint64_t offset, uint64_t size, void* data) const {
    const AlignedBuffer buffer(Reader::room_bytes(size));
    const auto bytes = readers_[tensor.file].read(tensor.offset + offset, size, buffer);
    if (!bytes) return bytes.error();
    std::memcpy(data, *bytes, size);
    return true;
}

void Stream::count_used(uint64_t bytes) { stats_.used_bytes += bytes; }

void Stream::time_first_layer(const TensorInfo& tensor) {
    if (stats_.first_layer != 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (!first_layer_) {
        first_layer_ = layer_of(tensor);
        began_ = now;
    } else if (layer_of(tensor) != *first_layer_) {
        stats_.first_layer = static_cast<uint64_t>(std::chrono::nanoseconds(now - began_).count());
    }
}

void Stream::count_read(uint64_t bytes) {
    stats_.read_bytes += bytes;
    stats_.reads++;
}

Room Stream::next_room(uint64_t size) const {
    const uint64_t needed = Reader::room_bytes(size);
    if (entries_.empty()) return memory_.part(0, needed);
    const uint8_t* begin = memory_.data();
    const Room& last = entries_.back().request.room;
    const auto oldest = static_cast<uint64_t>(entries_.front().request.room.data - begin);
    const auto free_from = static_cast<uint64_t>(last.data - begin) + last.size;
    if (free_from <= oldest) return free_from + needed <= oldest ? memory_.part(free_from, needed) : Room{nullptr, 0};
    if (free_from + needed <= memory_.size()) return memory_.part(free_from, needed);
    return needed <= oldest ? memory_.part(0, needed) : Room{nullptr, 0};
}

void Stream::read_ahead() {
    while (true) {
        const Tile& tile = order_.at(first_ + entries_.size());
        const Room room = next_room(tile.size);
        if (room.data == nullptr) break;
        ReadRequest& request = entries_.emplace_back().request;
        request.file = &readers_[tile.tensor->file];
        request.offset = tile.offset;
        request.size = tile.size;
        request.room = room;
        count_read(tile.size);
        queue_.submit(request);
    }
    advanced_.notify_all();
}

Stream::Arrival Stream::arrive(uint64_t position, const Stop& stop) {
    ReadRequest* request = nullptr;
    {
        std::unique_lock lock(ring_);
        while (!advanced_.wait_for(lock, kStopInterval, [&] { return position < first_ + entries_.size(); })) {
            if (stop()) return {GGML_STATUS_ABORTED, nullptr, {}};
        }
        request = &entries_[position - first_].request;
    }
    switch (queue_.wait(*request, stop)) {
        case ReadRequest::State::Done:
            return {GGML_STATUS_SUCCESS, request->data, {}};
        case ReadRequest::State::Failed:
            return {GGML_STATUS_FAILED, nullptr, request->error};
        default:
            return {GGML_STATUS_ABORTED, nullptr, {}};
    }
}

void Stream::release(uint64_t position) {
    const std::lock_guard lock(ring_);
    entries_[position - first_].computed = true;
    for (; !entries_.empty() && entries_.front().computed; first_++) entries_.pop_front();
    read_ahead();
}

void Stream::drop_until(uint64_t position) {
    const std::lock_guard lock(ring_);
    for (; first_ < position && !entries_.empty(); first_++) {
        if (!entries_.front().computed) queue_.withdraw(entries_.front().request);
        entries_.pop_front();
    }
    first_ = std::max(first_, position);
    head_ = position;
}

void Stream::seek(const TensorInfo& tensor) {
    if (order_.correct(tensor, head_)) {
        // What was read ahead is of other tiles now: back to the head, with nothing read.
        const uint64_t head = head_;
        drop_until(first_ + entries_.size());
        first_ = head_ = head;
    }
    drop_until(order_.next(tensor, head_));
    const std::lock_guard lock(ring_);
    read_ahead();
}

Result<ggml_status> Stream::multiply(Workers& workers, const TensorInfo& tensor, const ggml_tensor* node,
                                     bool token_by_token, const Stop& stop, const Preview& preview) {
    if (const auto kept = pinned_.find(&tensor); kept != pinned_.end()) {
        const uint64_t first = kept->second.size() * kPreviewed / 8;
        std::atomic<uint64_t> left{first};
        const auto done = [&](uint64_t i, const Kernel& kernel) {
            if (preview && i < first && --left == 0) preview(kernel, kept->second[first].row);
        };
        const auto* weights = static_cast<const uint8_t*>(node->src[0]->data);
        const auto fetch = [&](uint64_t i, const Stop&) {
            const uint64_t offset = kept->second[i].offset - tensor.offset;
            return Arrival{GGML_STATUS_SUCCESS, weights + offset, {}};
        };
        return multiply_tiles(workers, node, token_by_token, kept->second, fetch, done, stop);
    }
    const std::lock_guard use(use_);
    time_first_layer(tensor);
    seek(tensor);
    const std::vector<Tile> tiles = order_.range(tensor);
    const auto fetch = [&](uint64_t i, const Stop& until) { return arrive(head_ + i, until); };
    const auto done = [&](uint64_t i, const Kernel&) { release(head_ + i); };
    const auto computed = multiply_tiles(workers, node, token_by_token, tiles, fetch, done, stop);
    drop_until(head_ + tiles.size());
    return computed;
}

Result<ggml_status> Stream::multiply_tiles(Workers& workers, const ggml_tensor* node, bool token_by_token,
                                           const std::vector<Tile>& tiles,
                                           const std::function<Arrival(uint64_t i, const Stop& stop)>& fetch,
                                           const std::function<void(uint64_t i, const Kernel& kernel)>& done,
                                           const Stop& stop) {
    std::atomic<uint64_t> next{0};
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
        const TensorInfo& matrix = *tiles.front().tensor;
        const bool flat = node->src[1]->ne[2] == 1 && node->src[1]->ne[3] == 1;
        const auto repack = flat ? Repack::create(node->op, matrix, *node->src[1], node->ne[1]) : nullptr;
        OpSlice product(node, matrix, repack.get());
        for (uint64_t i = next++; i < tiles.size(); i = next++) {
            if (should_stop()) return give_up(GGML_STATUS_ABORTED, {});
            const Arrival arrival = fetch(i, should_stop);
            workers.keep_apart(kernel);
            if (arrival.status != GGML_STATUS_SUCCESS) return give_up(arrival.status, arrival.error);
            const auto& [tensor, row, rows, offset, size] = tiles[i];
            const ggml_status computed = token_by_token ? product.multiply_by_token(kernel, row, rows, arrival.data)
                                                        : product.multiply(kernel, row, rows, arrival.data);
            if (computed != GGML_STATUS_SUCCESS) return give_up(computed, {});
            count_used(size);
            done(i, kernel);
        }
    });
    if (!error.empty()) return Error{FLASH_READ_FAILED, error};
    return status;
}

Result<ggml_status> Stream::get_rows(const Kernel& kernel, const TensorInfo& tensor, const ggml_tensor* node,
                                     const Stop& stop) {
    const std::lock_guard use(use_);
    const auto row_bytes = static_cast<uint64_t>(ggml_row_size(tensor.type, tensor.ne[0]));
    const ggml_tensor* ids = node->src[1];
    const int64_t total = ggml_nelements(ids);
    OpSlice rows(node, tensor);
    for (int64_t first = 0; first < total; first += kRowsAtOnce) {
        const auto count = static_cast<size_t>(std::min<int64_t>(kRowsAtOnce, total - first));
        for (size_t i = 0; i < count; i++) {
            const int32_t id = static_cast<const int32_t*>(ids->data)[first + static_cast<int64_t>(i)];
            if (id < 0 || id >= tensor.ne[1])
                return Error{FLASH_READ_FAILED, "token " + std::to_string(id) + " is not in " + tensor.name};
            ReadRequest& request = row_requests_[i];
            const uint64_t offset = tensor.offset + static_cast<uint64_t>(id) * row_bytes;
            count_used(row_bytes);
            const bool is_here = request.state == ReadRequest::State::Done && request.file == &readers_[tensor.file] &&
                                 request.offset == offset && request.size == row_bytes;
            if (is_here) continue;
            request.file = &readers_[tensor.file];
            request.offset = offset;
            request.size = row_bytes;
            if (total == 1)
                queue_.read_now(request);
            else
                queue_.submit(request);
            count_read(row_bytes);
        }
        ggml_status status = GGML_STATUS_SUCCESS;
        std::string error;
        for (size_t i = 0; i < count; i++) {
            ReadRequest& request = row_requests_[i];
            // Also after a failure: no read may be under way when its room is used again.
            const auto state = queue_.wait(request, [] { return false; });
            if (state == ReadRequest::State::Failed)
                error = request.error;
            else if (status == GGML_STATUS_SUCCESS)
                status = rows.get_row(kernel, first + static_cast<int64_t>(i), request.data);
        }
        if (!error.empty()) return Error{FLASH_READ_FAILED, error};
        if (status != GGML_STATUS_SUCCESS) return status;
        if (stop()) return GGML_STATUS_ABORTED;
    }
    return GGML_STATUS_SUCCESS;
}

}  // namespace flash
