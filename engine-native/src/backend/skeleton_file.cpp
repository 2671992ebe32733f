#include "backend/skeleton_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "gguf/merged_header.h"

namespace flash {
namespace {

/** Read at once, in bytes; so many are in flight. */
constexpr uint64_t kPartBytes = 1ULL << 20;
constexpr size_t kParts = 16;
/**
 * That llama.cpp may keep, in bytes, beside memory that is not used yet: the skeleton's comes on top of what a plan
 * counts.
 */
constexpr uint64_t kMostResident = 32ULL << 20;

/**
 * Whether llama.cpp keeps it, in memory or on a GPU. A tied output matrix is there twice, and may be llama.cpp's for
 * one of its uses.
 */
bool is_resident(const Model& model, const Plan& plan, const std::string& name) {
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (model.tensors[i].name == name && plan.placement[i].method == Method::Resident) return true;
    }
    return false;
}

Error no_memory() {
    return Error{FLASH_READ_FAILED, std::string("no memory to load the model with: ") + std::strerror(errno)};
}

}  // namespace

SkeletonFile::SkeletonFile(std::unique_ptr<SparseFile> file, std::vector<Reader> readers)
    : file_(std::move(file)),
      readers_(std::move(readers)),
      rooms_(kParts * Reader::room_bytes(kPartBytes)),
      requests_(kParts) {
    const uint64_t room = Reader::room_bytes(kPartBytes);
    for (size_t i = 0; i < kParts; i++) requests_[i].room = rooms_.part(i * room, room);
}

Result<std::unique_ptr<SkeletonFile>> SkeletonFile::create(const Model& model, const Plan& plan) {
    // The pool of experts is filled when the skeleton is gone.
    if (plan.resident_bytes + plan.gpu.weight_bytes > kMostResident + plan.expert_pool_bytes)
        return std::unique_ptr<SkeletonFile>();
    std::vector<const TensorInfo*> resident;
    for (const TensorInfo& tensor : model.tensors) {
        if (is_resident(model, plan, tensor.name)) resident.push_back(&tensor);
    }
    if (resident.size() == model.tensors.size()) return std::unique_ptr<SkeletonFile>();
    auto file = SparseFile::create();
    if (!file) return std::unique_ptr<SkeletonFile>();
    std::vector<Reader> readers;
    for (const std::string& path : model.files) {
        Result<Reader> reader = Reader::open(path);
        if (!reader) return reader.error();
        readers.push_back(std::move(*reader));
    }
    std::unique_ptr<SkeletonFile> skeleton(new SkeletonFile(std::move(file), std::move(readers)));
    if (skeleton->rooms_.size() == 0) return std::unique_ptr<SkeletonFile>();
    std::vector<Kept> kept;
    uint64_t size = 0;
    if (model.files.size() == 1) {
        uint64_t header_end = UINT64_MAX;
        for (const TensorInfo& tensor : model.tensors) {
            header_end = std::min(header_end, tensor.offset);
            size = std::max(size, tensor.offset + tensor.size);
        }
        kept.push_back({{0, {0, header_end}}, 0});
        for (const TensorInfo* tensor : resident) kept.push_back({{0, {tensor->offset, tensor->size}}, tensor->offset});
    } else {
        // llama.cpp finds the parts of a split model by their names: to it this is one that was never split.
        const auto header = MergedHeader::of(model);
        if (!header) return std::unique_ptr<SkeletonFile>();
        for (const auto& [bytes, target] : header->written()) {
            if (!skeleton->put(bytes.data(), bytes.size(), target)) return no_memory();
        }
        for (const auto& [span, target] : header->copied()) kept.push_back({{0, span}, target});
        size = header->size();
        for (const TensorInfo* tensor : resident) {
            kept.push_back({{tensor->file, {tensor->offset, tensor->size}}, header->offset_of(tensor->name)});
        }
    }
    const auto written = skeleton->write(kept, size);
    if (!written) return written.error();
    return skeleton;
}

bool SkeletonFile::put(const uint8_t* data, uint64_t size, uint64_t target) {
    std::FILE* stream = file_->stream();
    return fseeko(stream, static_cast<off_t>(target), SEEK_SET) == 0 && std::fwrite(data, 1, size, stream) == size;
}

Result<bool> SkeletonFile::write(const std::vector<Kept>& kept, uint64_t size) {
    std::vector<Source> sources;
    for (const Kept& each : kept) sources.push_back(each.source);
    bool written = true;
    const auto read = this->read(sources, [&](const uint8_t* data, size_t source, Span piece) {
        const uint64_t target = kept[source].target + (piece.offset - kept[source].source.span.offset);
        written = written && put(data, piece.size, target);
    });
    if (!read) return read.error();
    if (!written || std::fflush(file_->stream()) != 0 || !resize_file(file_->stream(), size)) return no_memory();
    return true;
}

Result<bool> SkeletonFile::read(const std::vector<Source>& sources, const Take& take) {
    struct Part {
        size_t source;
        Span span;
    };
    std::vector<Part> parts;
    for (size_t i = 0; i < sources.size(); i++) {
        const Span& span = sources[i].span;
        for (uint64_t at = 0; at < span.size; at += kPartBytes)
            parts.push_back({i, {span.offset + at, std::min(kPartBytes, span.size - at)}});
    }
    std::optional<Error> error;
    size_t submitted = 0;
    for (size_t part = 0; part < parts.size() && !error; part++) {
        for (; submitted < std::min(parts.size(), part + kParts); submitted++) {
            ReadRequest& request = requests_[submitted % kParts];
            request.file = &readers_[sources[parts[submitted].source].file];
            request.offset = parts[submitted].span.offset;
            request.size = parts[submitted].span.size;
            queue_.submit(request);
        }
        ReadRequest& request = requests_[part % kParts];
        if (queue_.wait(request, [] { return false; }) == ReadRequest::State::Done)
            take(request.data, parts[part].source, parts[part].span);
        else
            error = Error{FLASH_READ_FAILED, request.error};
        queue_.withdraw(request);
    }
    for (ReadRequest& request : requests_) queue_.withdraw(request);
    return error ? Result<bool>(*error) : Result<bool>(true);
}

}  // namespace flash
