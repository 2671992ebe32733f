#include "compute/speed.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <random>

#include "compute/product_speed.h"
#include "compute/weight_order.h"
#include "plan/expert_layout.h"
#include "reader/read_queue.h"

namespace flash {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/** One read. */
struct FilePart {
    uint32_t file;    // index into Model::files
    uint64_t offset;  // bytes
    uint64_t size;    // bytes
};

/** The parts of all experts, scattered as what is missing of them is. */
std::vector<FilePart> expert_spans(const Model& model) {
    const ExpertLayout layout(model.tensors);
    std::vector<FilePart> spans;
    for (const ExpertLayer& layer : layout.layers()) {
        for (const ExpertMatrix& matrix : layer.matrices) {
            for (uint32_t expert = 0; expert < layer.experts; expert++) {
                for (uint32_t i = 0; i < matrix.parts(); i++) {
                    const ExpertPart part = matrix.part(expert, i);
                    spans.push_back({part.file, part.offset, part.size});
                }
            }
        }
    }
    std::shuffle(spans.begin(), spans.end(), std::minstd_rand());
    return spans;
}

/** What is streamed, in its order; of a plan that streams nothing, what could be. */
std::vector<FilePart> tile_spans(const Model& model, const Plan& plan) {
    std::vector<const TensorInfo*> streamed;
    std::vector<const TensorInfo*> all;
    for (size_t i = 0; i < model.tensors.size(); i++) {
        const TensorInfo& tensor = model.tensors[i];
        if (tensor.use != Use::Multiply || tensor.ne[1] < 2) continue;
        all.push_back(&tensor);
        if (plan.placement[i] == Placement::Streamed) streamed.push_back(&tensor);
    }
    const WeightOrder order(streamed.empty() ? all : streamed);
    std::vector<FilePart> spans;
    for (uint64_t i = 0; i < order.size(); i++) {
        const Tile& tile = order.at(i);
        spans.push_back({tile.tensor->file, tile.offset, tile.size});
    }
    return spans;
}

Result<double> measure_disk(const Model& model, const Plan& plan, double seconds) {
    const std::vector<FilePart> spans = plan.expert_pool_bytes > 0 ? expert_spans(model) : tile_spans(model, plan);
    if (spans.empty()) return 0.0;
    std::vector<Reader> readers;
    for (const std::string& file : model.files) {
        Result<Reader> reader = Reader::open(file);
        if (!reader) return reader.error();
        readers.push_back(std::move(*reader));
    }
    uint64_t largest = 0;
    for (const FilePart& span : spans) largest = std::max(largest, span.size);
    const uint64_t room = Reader::room_bytes(largest);
    // Half as many again as are in flight, so that there is always one to begin.
    const auto rooms = std::max<uint64_t>(2, 3 * ReadQueue::kMostBytes / 2 / room);
    const AlignedBuffer memory(rooms * room);
    if (memory.size() == 0) return Error{FLASH_READ_FAILED, "no memory to measure the disk with"};
    std::memset(memory.data(), 0, memory.size());  // its pages are made before the clock starts
    std::vector<ReadRequest> requests(rooms);
    ReadQueue queue;
    uint64_t submitted = 0;
    uint64_t bytes = 0;
    const auto start = std::chrono::steady_clock::now();
    // Each time elsewhere, lest a cache below us answers.
    const uint64_t first = static_cast<uint64_t>(start.time_since_epoch().count()) % spans.size();
    const auto submit = [&] {
        const FilePart& span = spans[(first + submitted) % spans.size()];
        ReadRequest& request = requests[submitted % rooms];
        request.file = &readers[span.file];
        request.offset = span.offset;
        request.size = span.size;
        request.room = memory.part(submitted % rooms * room, room);
        queue.submit(request);
        submitted++;
    };
    while (submitted < rooms) submit();
    for (uint64_t done = 0; done < submitted; done++) {
        ReadRequest& request = requests[done % rooms];
        if (queue.wait(request, [] { return false; }) == ReadRequest::State::Failed) {
            return Error{FLASH_READ_FAILED, request.error};
        }
        bytes += request.size;
        if (seconds_since(start) < seconds) submit();
    }
    return static_cast<double>(bytes) / seconds_since(start);
}

}  // namespace

Result<Speed> measure_speed(const Model& model, const Plan& plan, uint32_t threads, uint32_t disk_ms) {
    const Result<double> disk = measure_disk(model, plan, disk_ms / 1000.0);
    if (!disk) return disk.error();
    const Result<TokenSeconds> token = measure_token(model, plan, threads);
    if (!token) return token.error();
    if (token->first == 0) return Speed{*disk, 0, 0};
    const double used = used_bytes_per_token(model);
    // What is streamed goes to memory before it is multiplied, on the same way as all weights come from there.
    const double moved = used + static_cast<double>(plan.streamed_bytes);
    return Speed{*disk, used / (token->first * moved / used), used / token->next};
}

double used_bytes_per_token(const Model& model) {
    double used = 0;
    for (const TensorInfo& tensor : model.tensors) {
        if (tensor.use != Use::Multiply) continue;
        const bool experts = tensor.ne[2] > 1;
        used += static_cast<double>(tensor.size) * (experts ? model.used_expert_share : 1.0);
    }
    return used;
}

double read_bytes_per_token(const Model& model, const Plan& plan) {
    double experts = 0;
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (plan.placement[i] == Placement::Experts) experts += static_cast<double>(model.tensors[i].size);
    }
    double read = static_cast<double>(plan.streamed_bytes);
    if (experts > 0) {
        // The share of uses that miss a pool of this share of the experts: follows the table in docs/experts.md.
        constexpr double kLocality = 4.5;
        const double outside = std::max(0.0, 1 - static_cast<double>(plan.expert_pool_bytes) / experts);
        read += experts * model.used_expert_share * std::pow(outside, kLocality);
    }
    return read;
}

}  // namespace flash
