#include "output.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gguf.h"
#include "source.h"

namespace flash {
namespace {

using Header = std::unique_ptr<gguf_context, decltype(&gguf_free)>;
using Context = std::unique_ptr<ggml_context, decltype(&ggml_free)>;

const LayerOrder* find(const std::vector<LayerOrder>& layers, const TensorInfo& tensor, const char* role) {
    const auto found = std::find_if(layers.begin(), layers.end(), [&](const LayerOrder& layer) {
        return tensor.name == "blk." + std::to_string(layer.layer) + "." + role;
    });
    return found == layers.end() ? nullptr : &*found;
}

/** As many parts of the same size as there are neurons, in their new order. */
std::vector<uint8_t> in_order(const std::vector<uint8_t>& bytes, const std::vector<uint32_t>& order) {
    const size_t part = bytes.size() / order.size();
    std::vector<uint8_t> ordered(bytes.size());
    for (size_t to = 0; to < order.size(); to++) {
        std::memcpy(ordered.data() + to * part, bytes.data() + order[to] * part, part);
    }
    return ordered;
}

/** A tied output matrix is in the list twice, in the file once. */
bool is_second_use(const Model& model, const TensorInfo& tensor) {
    return tensor.use == Use::Multiply && tensor.name == "token_embd.weight" && &tensor != &model.tensors.front() &&
           std::any_of(model.tensors.begin(), model.tensors.end(),
                       [&](const TensorInfo& other) { return other.name == tensor.name && other.use == Use::Rows; });
}

/** All of the skeleton but its tensors' bytes. It has the same length whatever the perplexities. */
struct SkeletonHeader {
    Header header{gguf_init_empty(), &gguf_free};
    std::vector<const TensorInfo*> tensors;

    SkeletonHeader(const Model& model, const StoreReference& store) {
        const Header old(gguf_init_from_file(model.files.front().c_str(), gguf_init_params{true, nullptr}), &gguf_free);
        if (!old) throw std::runtime_error("cannot read " + model.files.front());
        // Before what the model says, of which the vocabulary is long: who wants to know need not read so far.
        gguf_set_val_str(header.get(), kStoreNameKey, store.file_name.c_str());
        gguf_set_val_u64(header.get(), kStoreIdentityKey, store.identity);
        gguf_set_val_f32(header.get(), kDensePerplexityKey, static_cast<float>(store.dense_perplexity));
        gguf_set_val_f32(header.get(), kPredictPerplexityKey, static_cast<float>(store.predict_perplexity));
        gguf_set_kv(header.get(), old.get());
        for (const char* key : {"split.no", "split.count", "split.tensors.count"}) gguf_remove_key(header.get(), key);
        const Context context(ggml_init({(model.tensors.size() + 1) * ggml_tensor_overhead(), nullptr, true}),
                              &ggml_free);
        for (const TensorInfo& tensor : model.tensors) {
            if (is_second_use(model, tensor)) continue;
            int dimensions = GGML_MAX_DIMS;
            while (dimensions > 1 && tensor.ne[static_cast<size_t>(dimensions) - 1] == 1) dimensions--;
            ggml_tensor* info = ggml_new_tensor(context.get(), tensor.type, dimensions, tensor.ne.data());
            ggml_set_name(info, tensor.name.c_str());
            gguf_add_tensor(header.get(), info);
            tensors.push_back(&tensor);
        }
    }

    /** At the file's beginning. */
    void write(OutputFile& file, const std::string& path) const {
        if (!gguf_write_to_file_ptr(header.get(), file.stream(), true)) {
            throw DiskError("cannot write " + path + ": " + std::strerror(errno));
        }
    }
};

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_(path), file_(open_file(path, "r+b")) {
    if (!file_ && errno == ENOENT) file_ = open_file(path, "w+b");
    if (!file_) fail(std::strerror(errno));
    allow_holes(file_.get());
}

void OutputFile::fail(const std::string& why) const { throw DiskError("cannot write " + path_ + ": " + why); }

void OutputFile::write(uint64_t offset, const void* data, size_t size) {
    if (fseeko(file_.get(), static_cast<off_t>(offset), SEEK_SET) != 0 ||
        std::fwrite(data, 1, size, file_.get()) != size) {
        fail(std::strerror(errno));
    }
}

uint64_t OutputFile::size() const {
    std::error_code error;
    if (std::fflush(file_.get()) != 0) fail(std::strerror(errno));
    const uint64_t bytes = std::filesystem::file_size(native_path(path_), error);
    if (error) fail(error.message());
    return bytes;
}

void OutputFile::resize(uint64_t size) {
    if (std::fflush(file_.get()) != 0 || !resize_file(file_.get(), size)) fail(std::strerror(errno));
}

void OutputFile::sync() {
    // A disk that is full may say so only now.
    if (std::fflush(file_.get()) != 0 || !sync_file(file_.get())) fail(std::strerror(errno));
}

uint64_t free_bytes(const std::string& folder) {
    std::error_code error;
    const std::filesystem::space_info space = std::filesystem::space(native_path(folder), error);
    if (error) throw DiskError("cannot use " + folder + ": " + error.message());
    return space.available;
}

uint64_t skeleton_bytes(const Model& model, const std::vector<LayerOrder>& layers) {
    uint64_t bytes = model.metadata_bytes;
    for (const TensorInfo& tensor : model.tensors) {
        if (find(layers, tensor, "ffn_down.weight") == nullptr && !is_second_use(model, tensor)) bytes += tensor.size;
    }
    return bytes;
}

void write_skeleton(const Model& model, const std::vector<LayerOrder>& layers, const StoreReference& store,
                    const std::string& path) {
    const SkeletonHeader skeleton(model, store);
    const std::vector<const TensorInfo*>& tensors = skeleton.tensors;
    const gguf_context* header = skeleton.header.get();
    OutputFile file(path);
    file.resize(0);
    skeleton.write(file, path);
    const uint64_t begin = gguf_get_meta_size(header);
    const Source source(model);
    uint64_t end = begin;
    for (size_t i = 0; i < tensors.size(); i++) {
        const TensorInfo& tensor = *tensors[i];
        const uint64_t offset = begin + gguf_get_tensor_offset(header, static_cast<int64_t>(i));
        end = offset + GGML_PAD(tensor.size, gguf_get_alignment(header));
        if (find(layers, tensor, "ffn_down.weight") != nullptr) continue;
        std::vector<uint8_t> bytes = source.bytes(tensor);
        for (const char* of_neurons : {"ffn_up.weight", "ffn_up.bias"}) {
            if (const LayerOrder* layer = find(layers, tensor, of_neurons)) bytes = in_order(bytes, layer->order);
        }
        file.write(offset, bytes.data(), bytes.size());
    }
    file.resize(end);
    file.sync();
}

void add_perplexities(const Model& model, const StoreReference& store, const std::string& path) {
    OutputFile file(path);
    SkeletonHeader(model, store).write(file, path);
    file.sync();
}

}  // namespace flash
