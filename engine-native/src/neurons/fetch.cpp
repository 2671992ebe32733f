#include "neurons/fetch.h"

#include <algorithm>
#include <chrono>

namespace flash {
namespace {

constexpr uint64_t kSmallRead = kReadAlignment;
constexpr uint64_t kLargeRead = 1ULL << 20;
constexpr uint64_t kSmallReads = 128;
constexpr uint64_t kLargeReads = 16;
/** A gap is never wider: the largest run must hold more than two neurons. */
constexpr uint64_t kWidestGap = kLargestRun / 4;

/** Seconds for `count` reads of `size` bytes spread over the file, as many in flight as the queue has. */
Result<double> time_reads(const Reader& reader, uint64_t file_bytes, uint64_t size, uint64_t count) {
    const uint64_t room = Reader::room_bytes(size);
    const AlignedBuffer memory(count * room);
    if (memory.size() == 0) return Error{FLASH_READ_FAILED, "no memory to measure the disk with"};
    std::vector<ReadRequest> requests(count);
    ReadQueue queue;
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < count; i++) {
        requests[i].file = &reader;
        requests[i].offset = align_down((file_bytes - size) / count * i, kReadAlignment);
        requests[i].size = size;
        requests[i].room = memory.part(i * room, room);
        queue.submit(requests[i]);
    }
    std::string error;
    for (ReadRequest& request : requests) {
        if (queue.wait(request, [] { return false; }) == ReadRequest::State::Failed) error = request.error;
    }
    if (!error.empty()) return Error{FLASH_READ_FAILED, error};
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::vector<Run> runs_of(const std::vector<uint32_t>& neurons, const Part& part, uint64_t gap) {
    std::vector<Run> runs;
    for (uint32_t i = 0; i < neurons.size(); i++) {
        const uint64_t offset = part.base + neurons[i] * part.stride;
        if (!runs.empty()) {
            Run& last = runs.back();
            const uint64_t end = offset + part.size - last.offset;
            if (offset - (last.offset + last.size) <= gap && end <= kLargestRun) {
                last.size = end;
                last.count++;
                continue;
            }
        }
        runs.push_back({i, 1, offset, part.size});
    }
    return runs;
}

Result<uint64_t> measure_gap(const Reader& reader, uint64_t file_bytes) {
    // A small file is read in a moment, however it is read.
    if (file_bytes < kLargeReads * kLargeRead) return kSmallRead;
    const auto large = time_reads(reader, file_bytes, kLargeRead, kLargeReads);
    if (!large) return large.error();
    const auto small = time_reads(reader, file_bytes, kSmallRead, kSmallReads);
    if (!small) return small.error();
    const double bytes_per_second = static_cast<double>(kLargeReads * kLargeRead) / *large;
    const double worth = *small / kSmallReads * bytes_per_second - static_cast<double>(kSmallRead);
    return std::clamp(static_cast<uint64_t>(std::max(0.0, worth)), kSmallRead, kWidestGap);
}

Fetch::Fetch(const Reader& reader) : reader_(reader), memory_(neuron_fetch_bytes()), requests_(kNeuronRooms) {
    const uint64_t room = Reader::room_bytes(kLargestRun);
    for (uint64_t i = 0; i < kNeuronRooms; i++) {
        requests_[i].file = &reader_;
        requests_[i].room = memory_.part(i * room, room);
    }
}

Fetch::~Fetch() {
    for (ReadRequest& request : requests_) queue_.withdraw(request);
}

bool Fetch::start(const std::vector<Run>& runs, const Stop& stop) {
    error_.clear();
    if (cancelled_) {
        for (ReadRequest& request : requests_) {
            if (!queue_.withdraw(request, stop)) return false;
        }
        cancelled_ = false;
    }
    runs_ = &runs;
    submitted_ = released_ = 0;
    submit();
    return true;
}

void Fetch::submit() {
    for (; submitted_ < std::min<size_t>(runs_->size(), released_ + kNeuronRooms); submitted_++) {
        ReadRequest& request = requests_[submitted_ % kNeuronRooms];
        request.offset = (*runs_)[submitted_].offset;
        request.size = (*runs_)[submitted_].size;
        queue_.submit(request);
    }
}

const uint8_t* Fetch::wait(size_t run, const Stop& stop) {
    ReadRequest& request = requests_[run % kNeuronRooms];
    const ReadRequest::State state = queue_.wait(request, stop);
    if (state == ReadRequest::State::Failed) error_ = request.error;
    return state == ReadRequest::State::Done ? request.data : nullptr;
}

void Fetch::release(size_t run) {
    released_ = run;
    submit();
}

void Fetch::cancel() {
    for (ReadRequest& request : requests_) queue_.cancel(request);
    cancelled_ = true;
    runs_ = nullptr;
}

}  // namespace flash
