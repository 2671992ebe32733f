#include "compute/product_speed.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <tuple>

#include "compute/op_slice.h"
#include "compute/tiles.h"
#include "ggml-backend.h"
#include "platform/cache.h"
#include "platform/memory.h"

namespace flash {
namespace {

/**
 * Room that the passes go through, in bytes: many times a core's cache. Where the caches cannot be emptied between two
 * passes, more than most caches that all cores share.
 */
constexpr uint64_t kRoom = 32ULL << 20;
constexpr uint64_t kRoomWithoutEviction = 64ULL << 20;
constexpr uint64_t kSmallestRoom = 4ULL << 20;
/** What each core's own cache holds, in bytes; a tile at least. */
constexpr uint64_t kCached = 512ULL << 10;
/** The least time of so many passes is taken: whatever else runs on this machine only ever adds to it. */
constexpr int kPasses = 4;
/** Of one pass: small matrices are timed well enough by then. */
constexpr uint64_t kMostProducts = 64;
/** After that what is left is taken to be as fast as what was measured. */
constexpr std::chrono::milliseconds kMostCold(400);
constexpr std::chrono::milliseconds kMostCached(100);
/** What a token takes beside its computation: to be sampled, to become text, to get to the client. In seconds. */
constexpr double kTokenSeconds = 0.001;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/** A tensor of this type and shape whose data is elsewhere. */
ggml_tensor tensor_of(ggml_type type, int64_t columns, int64_t rows, void* data) {
    ggml_tensor tensor{};
    tensor.type = type;
    tensor.ne[0] = columns;
    tensor.ne[1] = rows;
    tensor.ne[2] = tensor.ne[3] = 1;
    tensor.nb[0] = ggml_type_size(type);
    tensor.nb[1] = ggml_row_size(type, columns);
    tensor.nb[2] = tensor.nb[3] = tensor.nb[1] * static_cast<size_t>(rows);
    tensor.data = data;
    return tensor;
}

/** The product of a matrix and one token. */
struct Product {
    Product(ggml_type type, int64_t columns, int64_t rows)
        : token(static_cast<size_t>(columns), 1.0F),
          result(static_cast<size_t>(rows)),
          weights(tensor_of(type, columns, rows, nullptr)),
          input(tensor_of(GGML_TYPE_F32, columns, 1, token.data())),
          node(tensor_of(GGML_TYPE_F32, rows, 1, result.data())) {
        node.op = GGML_OP_MUL_MAT;
        node.flags = GGML_TENSOR_FLAG_COMPUTE;  // others are passed over
        node.src[0] = &weights;
        node.src[1] = &input;
    }
    Product(const Product&) = delete;
    Product& operator=(const Product&) = delete;

    std::vector<float> token;
    std::vector<float> result;
    ggml_tensor weights;
    ggml_tensor input;
    ggml_tensor node;
};

/** Weights as they are in the file, each product divided among our threads as Stream does. */
class PlainPass {
  public:
    PlainPass(Workers& workers, const MatrixKind& kind, uint64_t room)
        : workers_(workers), matrix_(kind.matrix), memory_(room, false) {
        const uint64_t row = ggml_row_size(matrix_.type, matrix_.ne[0]);
        const auto most = static_cast<int64_t>(std::max<uint64_t>(1, room / row));
        matrix_.ne[1] = std::min(matrix_.ne[1], most >= kRowGroup ? most / kRowGroup * kRowGroup : most);
        matrix_.size = row * static_cast<uint64_t>(matrix_.ne[1]);
        count_ = std::clamp<uint64_t>(room / matrix_.size, 1, kMostProducts);
        tiles_ = tiles_of(matrix_);
        ready_ = memory_.size() >= bytes() && memory_.open(memory_.data(), bytes());
        if (ready_) std::memset(memory_.data(), 0, bytes());  // valid weights of every type
    }

    bool ready() const { return ready_; }
    uint64_t bytes() const { return count_ * matrix_.size; }
    const uint8_t* memory() const { return memory_.data(); }

    ggml_status run() {
        Product product(matrix_.type, matrix_.ne[0], matrix_.ne[1]);
        std::atomic<ggml_status> status{GGML_STATUS_SUCCESS};
        for (uint64_t i = 0; i < count_; i++) {
            const uint8_t* weights = memory_.data() + i * matrix_.size;
            std::atomic<uint64_t> next{0};
            workers_.run([&](const Kernel& kernel) {
                OpSlice slice(&product.node, matrix_);
                for (uint64_t at = next++; at < tiles_.size(); at = next++) {
                    const Tile& tile = tiles_[at];
                    const ggml_status done = slice.multiply(kernel, tile.row, tile.rows, weights + tile.offset);
                    if (done != GGML_STATUS_SUCCESS) status = done;
                }
            });
        }
        return status;
    }

  private:
    Workers& workers_;
    TensorInfo matrix_;
    AddressRange memory_;
    bool ready_ = false;
    uint64_t count_;
    std::vector<Tile> tiles_;
};

struct ContextFree {
    void operator()(ggml_context* context) const { ggml_free(context); }
};
struct BufferFree {
    void operator()(ggml_backend_buffer_t buffer) const { ggml_backend_buffer_free(buffer); }
};
using Buffer = std::unique_ptr<ggml_backend_buffer, BufferFree>;

/** Where llama.cpp keeps such a matrix: the first of ggml's layouts that has kernels for it, else as in the file. */
ggml_backend_buffer_type_t layout_of(Product& product) {
    ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    const auto layouts = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
        ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(cpu), "ggml_backend_dev_get_extra_bufts"));
    ggml_backend_buffer_type_t* layout = layouts == nullptr ? nullptr : layouts(cpu);
    for (; layout != nullptr && *layout != nullptr; layout++) {
        const Buffer empty(ggml_backend_buft_alloc_buffer(*layout, 0));
        product.weights.buffer = empty.get();
        const bool supported = ggml_backend_dev_supports_op(cpu, &product.node);
        product.weights.buffer = nullptr;
        if (supported) return *layout;
    }
    return ggml_backend_dev_buffer_type(cpu);
}

/**
 * Weights in llama.cpp's layout. Each thread takes whole products: ggml's own threads would meet after each, and beside
 * a busy process one meeting takes as long as a pass.
 */
class LaidOutPass {
  public:
    LaidOutPass(Workers& workers, const MatrixKind& kind, uint64_t room) : workers_(workers) {
        const TensorInfo& matrix = kind.matrix;
        const uint64_t row = ggml_row_size(matrix.type, matrix.ne[0]);
        const auto most = static_cast<int64_t>(std::max<uint64_t>(1, room / kFewestProducts / row));
        const int64_t rows = std::min(matrix.ne[1], most >= kRowGroup ? most / kRowGroup * kRowGroup : most);
        plain_bytes_ = row * static_cast<uint64_t>(rows);
        const uint64_t count = std::clamp<uint64_t>(room / plain_bytes_, 1, kMostProducts);
        for (uint64_t i = 0; i < count; i++)
            products_.push_back(std::make_unique<Product>(matrix.type, matrix.ne[0], rows));
        ggml_backend_buffer_type_t layout = layout_of(*products_.front());
        const uint64_t size =
            align_up(ggml_backend_buft_get_alloc_size(layout, &products_.front()->weights), kWeightAlignment);
        buffer_.reset(ggml_backend_buft_alloc_buffer(layout, size * count));
        if (!buffer_) return;
        auto* base = static_cast<uint8_t*>(ggml_backend_buffer_get_base(buffer_.get()));
        std::memset(base, 0, ggml_backend_buffer_get_size(buffer_.get()));  // valid weights of every type and layout
        context_.reset(ggml_init({count * ggml_graph_overhead_custom(1, false), nullptr, true}));
        for (uint64_t i = 0; i < count; i++) {
            ggml_tensor& weights = products_[i]->weights;
            weights.buffer = buffer_.get();
            weights.data = base + i * size;
            if (ggml_backend_buffer_init_tensor(buffer_.get(), &weights) != GGML_STATUS_SUCCESS) return;
            graphs_.push_back(ggml_new_graph_custom(context_.get(), 1, false));
            ggml_graph_add_node(graphs_.back(), &products_[i]->node);
        }
        ready_ = true;
    }

    bool ready() const { return ready_; }
    uint64_t bytes() const { return plain_bytes_ * products_.size(); }
    const uint8_t* memory() const { return static_cast<const uint8_t*>(ggml_backend_buffer_get_base(buffer_.get())); }

    ggml_status run() {
        std::atomic<ggml_status> status{GGML_STATUS_SUCCESS};
        std::atomic<size_t> next{0};
        workers_.run([&](const Kernel& kernel) {
            for (size_t i = next++; i < graphs_.size(); i = next++) {
                const ggml_status done = kernel.compute(graphs_[i]);
                if (done != GGML_STATUS_SUCCESS) status = done;
            }
        });
        return status;
    }

  private:
    static constexpr uint64_t kWeightAlignment = 64;
    static constexpr uint64_t kFewestProducts = 16;  // so that no thread waits long for another

    Workers& workers_;
    uint64_t plain_bytes_ = 0;
    std::vector<std::unique_ptr<Product>> products_;
    Buffer buffer_;
    std::unique_ptr<ggml_context, ContextFree> context_;
    std::vector<ggml_cgraph*> graphs_;  // by product
    bool ready_ = false;
};

/** The least time of several passes, of which each finds all or nothing in the caches, in seconds; 0 where it cannot be
 * measured. */
template <typename Pass>
double least_seconds(Pass& pass, bool cold, Clock::time_point deadline) {
    double least = 0;
    for (int i = 0; i < kPasses && (i == 0 || Clock::now() < deadline); i++) {
        if (cold) evict_from_caches(pass.memory(), pass.bytes());
        const auto start = Clock::now();
        if (pass.run() != GGML_STATUS_SUCCESS) return 0;
        const double seconds = seconds_since(start);
        least = least == 0 ? seconds : std::min(least, seconds);
    }
    return least;
}

/** How a product is measured. */
struct Measuring {
    Workers& workers;
    bool laid_out;  // as llama.cpp keeps weights
    uint64_t room;  // bytes that a pass goes through
    bool cold;      // the caches are emptied before each pass
    Clock::time_point deadline;
};

template <typename Pass>
double seconds_per_byte(const MatrixKind& kind, const Measuring& how) {
    Pass pass(how.workers, kind, how.room);
    return pass.ready() ? least_seconds(pass, how.cold, how.deadline) / static_cast<double>(pass.bytes()) : 0;
}

/** Of one token. What there is no time to measure is taken to be as fast as the rest. */
double product_seconds(const Model& model, const Measuring& how) {
    double seconds = 0;
    double measured_bytes = 0;
    double other_bytes = 0;
    for (const MatrixKind& kind : matrix_kinds(model)) {
        double per_byte = 0;
        if (Clock::now() < how.deadline)
            per_byte = how.laid_out ? seconds_per_byte<LaidOutPass>(kind, how) : seconds_per_byte<PlainPass>(kind, how);
        seconds += per_byte * kind.used_bytes;
        (per_byte > 0 ? measured_bytes : other_bytes) += kind.used_bytes;
    }
    return measured_bytes == 0 ? 0 : seconds * (1 + other_bytes / measured_bytes);
}

/** Norm, scale and addition of one token's state: as long as what is between two products of a layer, or nearly. */
class SmallPass {
  public:
    SmallPass(const Kernel& kernel, int64_t width) : kernel_(kernel), data_(static_cast<size_t>(width), 1.0F) {
        context_.reset(ggml_init({4096 + ggml_graph_overhead_custom(4, false), nullptr, true}));
        ggml_context* context = context_.get();
        ggml_tensor* state = ggml_new_tensor_1d(context, GGML_TYPE_F32, width);
        ggml_tensor* norm = ggml_rms_norm(context, state, 1e-5F);
        ggml_tensor* scaled = ggml_mul(context, norm, state);
        ggml_tensor* sum = ggml_add(context, scaled, state);
        state->data = data_.data();
        results_.assign(3, std::vector<float>(data_.size()));
        norm->data = results_[0].data();
        scaled->data = results_[1].data();
        sum->data = results_[2].data();
        graph_ = ggml_new_graph_custom(context, 4, false);
        ggml_build_forward_expand(graph_, sum);
    }

    double seconds() const {
        constexpr int kRuns = 64;
        double least = 0;
        for (int pass = 0; pass < kPasses; pass++) {
            const auto start = Clock::now();
            for (int i = 0; i < kRuns; i++) kernel_.compute(graph_);
            const double each = seconds_since(start) / kRuns;
            least = pass == 0 ? each : std::min(least, each);
        }
        return least;
    }

  private:
    const Kernel& kernel_;
    std::vector<float> data_;
    std::vector<std::vector<float>> results_;
    std::unique_ptr<ggml_context, ContextFree> context_;
    ggml_cgraph* graph_ = nullptr;
};

}  // namespace

std::vector<MatrixKind> matrix_kinds(const Model& model) {
    std::map<std::tuple<ggml_type, int64_t, int64_t>, MatrixKind> kinds;
    for (const TensorInfo& tensor : model.tensors) {
        if (tensor.use != Use::Multiply || tensor.ne[1] < 2) continue;
        const bool experts = tensor.ne[2] > 1;
        MatrixKind& kind = kinds[{tensor.type, tensor.ne[0], tensor.ne[1]}];
        kind.matrix = tensor;
        kind.matrix.ne[2] = kind.matrix.ne[3] = 1;
        kind.matrix.offset = 0;
        kind.used_bytes += static_cast<double>(tensor.size) * (experts ? model.used_expert_share : 1.0);
    }
    std::vector<MatrixKind> sorted;
    for (const auto& [key, kind] : kinds) sorted.push_back(kind);
    std::sort(sorted.begin(), sorted.end(),
              [](const MatrixKind& a, const MatrixKind& b) { return a.used_bytes > b.used_bytes; });
    return sorted;
}

uint64_t measuring_room(const Model& model, const Plan& plan) {
    uint8_t none = 0;
    const uint64_t wanted = evict_from_caches(&none, 0) ? kRoom : kRoomWithoutEviction;
    const uint64_t planned = plan.resident_bytes + plan.pinned_bytes + plan.expert_pool_bytes + plan.window_bytes +
                             plan.kv_bytes + plan.compute_bytes + plan.staging_bytes + vocabulary_bytes(model);
    return std::clamp(planned / 2, kSmallestRoom, wanted);
}

Result<TokenSeconds> measure_token(const Model& model, const Plan& plan, uint32_t threads) {
    Workers workers;
    if (const auto ready = workers.resize(threads); !ready) return ready.error();
    const bool laid_out = std::all_of(plan.placement.begin(), plan.placement.end(),
                                      [](const Placement& placement) { return placement == Placement::Resident; });
    uint64_t matrices = 0;
    for (const TensorInfo& tensor : model.tensors) {
        if (tensor.use == Use::Multiply && tensor.ne[1] > 1) matrices++;
    }
    const SmallPass small(workers.kernel(), static_cast<int64_t>(std::max<uint64_t>(1, model.embedding)));
    const double between = static_cast<double>(matrices) * small.seconds();
    const auto until = [](std::chrono::milliseconds most) { return Clock::now() + most; };
    const double cold =
        product_seconds(model, {workers, laid_out, measuring_room(model, plan), true, until(kMostCold)});
    if (cold == 0) return TokenSeconds{};
    const double cached = product_seconds(model, {workers, laid_out, threads * kCached, false, until(kMostCached)});
    return TokenSeconds{cold + between + kTokenSeconds, cached + between + kTokenSeconds};
}

}  // namespace flash
