#include "backend/outline.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

namespace flash {
namespace {

/** Read at once, in bytes; so many are in flight. */
constexpr uint64_t kPartBytes = 1ULL << 20;
constexpr size_t kParts = 16;
/** That llama.cpp may keep, in bytes: the outline's memory comes on top of what a plan counts. */
constexpr uint64_t kMostResident = 32ULL << 20;

/** A tied output matrix is there twice, and may be llama.cpp's for one of its uses. */
bool is_resident(const Model& model, const Plan& plan, const std::string& name) {
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (model.tensors[i].name == name && plan.placement[i] == Placement::Resident) return true;
    }
    return false;
}

}  // namespace

Outline::Outline(std::unique_ptr<MemoryFile> file, Reader reader)
    : file_(std::move(file)),
      reader_(std::move(reader)),
      rooms_(kParts * Reader::room_bytes(kPartBytes)),
      requests_(kParts) {
    const uint64_t room = Reader::room_bytes(kPartBytes);
    for (size_t i = 0; i < kParts; i++) requests_[i].room = rooms_.part(i * room, room);
}

Result<std::unique_ptr<Outline>> Outline::create(const Model& model, const Plan& plan) {
    // llama.cpp finds the parts of a split model by their names.
    if (model.files.size() > 1 || plan.resident_bytes > kMostResident) return std::unique_ptr<Outline>();
    std::vector<Span> kept;
    uint64_t header_end = UINT64_MAX;
    uint64_t end = 0;
    for (const TensorInfo& tensor : model.tensors) {
        header_end = std::min(header_end, tensor.offset);
        end = std::max(end, tensor.offset + tensor.size);
        if (is_resident(model, plan, tensor.name)) kept.push_back({tensor.offset, tensor.size});
    }
    if (kept.size() == model.tensors.size()) return std::unique_ptr<Outline>();
    auto file = MemoryFile::create();
    if (!file) return std::unique_ptr<Outline>();
    Result<Reader> reader = Reader::open(model.files.front());
    if (!reader) return reader.error();
    std::unique_ptr<Outline> outline(new Outline(std::move(file), std::move(*reader)));
    if (outline->rooms_.size() == 0) return std::unique_ptr<Outline>();
    kept.push_back({0, header_end});
    std::FILE* stream = outline->file_->stream();
    bool written = true;
    const auto read = outline->read(kept, [&](const uint8_t* data, Span span) {
        written = written && fseeko(stream, static_cast<off_t>(span.offset), SEEK_SET) == 0 &&
                  std::fwrite(data, 1, span.size, stream) == span.size;
    });
    if (!read) return read.error();
    if (!written || std::fflush(stream) != 0 || !resize_file(stream, end)) {
        return Error{FLASH_READ_FAILED, std::string("no memory to load the model with: ") + std::strerror(errno)};
    }
    return outline;
}

Result<bool> Outline::read(const std::vector<Span>& spans, const Take& take) {
    std::vector<Span> parts;
    for (const Span& span : spans) {
        for (uint64_t at = 0; at < span.size; at += kPartBytes)
            parts.push_back({span.offset + at, std::min(kPartBytes, span.size - at)});
    }
    std::optional<Error> error;
    size_t submitted = 0;
    for (size_t part = 0; part < parts.size() && !error; part++) {
        for (; submitted < std::min(parts.size(), part + kParts); submitted++) {
            ReadRequest& request = requests_[submitted % kParts];
            request.file = &reader_;
            request.offset = parts[submitted].offset;
            request.size = parts[submitted].size;
            queue_.submit(request);
        }
        ReadRequest& request = requests_[part % kParts];
        if (queue_.wait(request, [] { return false; }) == ReadRequest::State::Done)
            take(request.data, parts[part]);
        else
            error = Error{FLASH_READ_FAILED, request.error};
        queue_.withdraw(request);
    }
    for (ReadRequest& request : requests_) queue_.withdraw(request);
    return error ? Result<bool>(*error) : Result<bool>(true);
}

}  // namespace flash
