#include "neurons/neurons.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "ggml-impl.h"
#include "neurons/filling.h"
#include "plan/neuron_budget.h"

namespace flash {
namespace {

/** Neurons of which a thread multiplies, or guesses, the next ones. */
constexpr uint32_t kChunk = 64;
constexpr uint32_t kGuessed = 512;
/** Neurons that a thread adds at once: their columns stay in its cache for all tokens. */
constexpr uint32_t kBlock = 1024;

/** Adds the time of its life to a counter. */
class Stopwatch {
  public:
    explicit Stopwatch(std::atomic<uint64_t>& total) : total_(total), start_(std::chrono::steady_clock::now()) {}
    ~Stopwatch() {
        total_ += static_cast<uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start_).count());
    }

  private:
    std::atomic<uint64_t>& total_;
    std::chrono::steady_clock::time_point start_;
};

/** Runs `body` over ranges of [begin, end) on all workers, `step` at a time. */
void in_parallel(Workers& workers, uint32_t begin, uint32_t end, uint32_t step,
                 const std::function<void(uint32_t from, uint32_t to)>& body) {
    if (begin >= end) return;
    // To wake the others would take longer.
    if (end - begin <= step) return body(begin, end);
    std::atomic<uint32_t> next{begin};
    workers.run([&](const Kernel&) {
        for (uint32_t from = next.fetch_add(step); from < end; from = next.fetch_add(step)) {
            body(from, std::min(end, from + step));
        }
    });
}

/** Activations as the dense product takes them: it computes F16 and BF16 matrices in that type. */
float rounded(float value, ggml_type type) {
    if (type == GGML_TYPE_F16) return ggml_fp16_to_fp32(ggml_fp32_to_fp16(value));
    if (type == GGML_TYPE_BF16) return ggml_bf16_to_fp32(ggml_fp32_to_bf16(value));
    return value;
}

float* row_of(const ggml_tensor* tensor, int64_t token) {
    return reinterpret_cast<float*>(static_cast<uint8_t*>(tensor->data) + static_cast<size_t>(token) * tensor->nb[1]);
}

}  // namespace

Neurons::Neurons(const Store& store, Reader reader, Sparsity sparsity, Techniques techniques, NeuronStats& stats)
    : store_(store),
      reader_(std::move(reader)),
      sparsity_(sparsity),
      techniques_(techniques),
      stats_(stats),
      fetch_(reader_) {}

Result<std::unique_ptr<Neurons>> Neurons::open(const Store& store, Sparsity sparsity, uint64_t window_bytes,
                                               Techniques techniques, NeuronStats& stats) {
    Result<Reader> reader = Reader::open(store.path);
    if (!reader) return reader.error();
    std::unique_ptr<Neurons> neurons(new Neurons(store, std::move(*reader), sparsity, techniques, stats));
    const Error no_memory{FLASH_READ_FAILED, "no memory for the neurons of " + store.path};
    if (!neurons->fetch_.ready()) return no_memory;
    std::vector<LayerDemand> demands;
    uint64_t file_bytes = 0;
    for (const NeuronLayer& shape : store.layers) {
        Result<ResidentPart> resident = read_resident(neurons->reader_, store, shape, sparsity == Sparsity::Predict);
        if (!resident) return resident.error();
        Layer layer{shape, std::move(*resident), nullptr, nullptr, nullptr};
        const uint64_t bytes = neurons->part_of(layer).size;
        demands.push_back({shape.record.neurons, bytes, expected_active(shape, layer.resident, sparsity)});
        file_bytes = std::max(file_bytes, shape.bundle_offset(shape.record.neurons));
        neurons->layers_.push_back(std::move(layer));
    }
    const std::vector<uint32_t> capacities = share_windows(demands, techniques.window ? window_bytes : 0);
    for (size_t i = 0; i < neurons->layers_.size(); i++) {
        Layer& layer = neurons->layers_[i];
        const bool with_up = sparsity == Sparsity::Predict;
        layer.window =
            std::make_unique<Window>(layer.shape.record.neurons, capacities[i], with_up ? layer.shape.up_bytes : 0,
                                     layer.shape.down_bytes, layer.resident.frequency);
        if (!layer.window->ready()) return no_memory;
        if (!with_up) continue;
        const auto predictor = Predictor::create(layer.shape, layer.resident);
        if (!predictor) return predictor.error();
        layer.predictor = std::make_unique<Predictor>(*predictor);
        const auto product = DotProduct::of(layer.shape.up_type());
        if (!product) return product.error();
        layer.up_product = std::make_unique<DotProduct>(*product);
    }
    if (techniques.bundles) {
        const auto gap = measure_gap(neurons->reader_, file_bytes);
        if (!gap) return gap.error();
        neurons->gap_ = *gap;
    }
    if (techniques.window) neurons->filler_ = std::thread([filled = neurons.get()] { filled->fill_windows(); });
    return neurons;
}

Neurons::~Neurons() {
    turns_.close();
    if (filler_.joinable()) filler_.join();
}

void Neurons::fill_windows() {
    const FillingControl control{[&] { return turns_.wanted(); }, [&] { return turns_.closed(); }};
    for (Layer& layer : layers_) {
        bool more = true;
        while (more) {
            const auto turn = turns_.background();
            if (!turn) return;
            const Filling filling = fill(*layer.window, layer.shape, layer.resident, part_of(layer),
                                         sparsity_ == Sparsity::Predict, gap_, fetch_, control);
            stats_.reads += filling.reads;
            stats_.read_bytes += filling.bytes;
            more = filling.paused;
        }
    }
}

Neurons::Layer* Neurons::find(uint32_t number) {
    const auto found = std::find_if(layers_.begin(), layers_.end(),
                                    [&](const Layer& layer) { return layer.shape.record.layer == number; });
    return found == layers_.end() ? nullptr : &*found;
}

Part Neurons::part_of(const Layer& layer) const {
    const NeuronLayer& shape = layer.shape;
    if (sparsity_ == Sparsity::Predict)
        return {shape.record.bundles_offset, shape.bundle_bytes(), shape.bundle_bytes()};
    return {shape.record.bundles_offset + shape.up_bytes, shape.bundle_bytes(), shape.down_bytes};
}

Result<ggml_status> Neurons::sweep(Workers& workers, Layer& layer, const Stop& stop,
                                   const std::function<void()>& meanwhile,
                                   const std::function<void(uint32_t begin, uint32_t end)>& ready) {
    Window& window = *layer.window;
    const Part part = part_of(layer);
    uint32_t admitted = 0;
    {
        const Stopwatch watch(stats_.managing);
        window.begin();
        rows_.resize(active_.size());
        misses_.clear();
        miss_at_.clear();
        hit_at_.clear();
        for (uint32_t i = 0; i < active_.size(); i++) {
            const uint32_t row = window.touch(active_[i]);
            if (row == Window::kNone) {
                misses_.push_back(active_[i]);
                miss_at_.push_back(i);
            } else {
                hit_at_.push_back(i);
                rows_[i] = {window.up(row), window.down(row)};
            }
        }
        admitted = window.make_room(misses_, kept_);
        runs_ = runs_of(misses_, part, gap_);
        run_data_.resize(runs_.size());
    }
    stats_.used_bytes += active_.size() * part.size;
    stats_.loaded += misses_.size();
    for (const Run& run : runs_) stats_.read_bytes += run.size;
    stats_.reads += runs_.size();

    uint32_t done = 0;
    if (!fetch_.start(runs_, stop)) return GGML_STATUS_ABORTED;
    if (meanwhile) meanwhile();
    // Half of the rooms are computed from while the other half is read into.
    constexpr size_t kWave = kNeuronRooms / 2;
    for (size_t first = 0; first < runs_.size(); first += kWave) {
        const size_t last = std::min(runs_.size(), first + kWave);
        {
            const Stopwatch watch(stats_.waiting);
            for (size_t run = first; run < last; run++) {
                run_data_[run] = fetch_.wait(run, stop);
                if (run_data_[run] != nullptr) continue;
                fetch_.cancel();
                if (!fetch_.error().empty()) return Error{FLASH_READ_FAILED, fetch_.error()};
                return GGML_STATUS_ABORTED;
            }
        }
        if (const auto checked = admit(workers, layer, first, last, admitted); !checked) {
            fetch_.cancel();
            return checked.error();
        }
        const uint32_t end =
            last == runs_.size() ? static_cast<uint32_t>(active_.size()) : miss_at_[runs_[last].first - 1] + 1;
        ready(done, end);
        done = end;
        fetch_.release(last);
    }
    if (done < active_.size()) ready(done, static_cast<uint32_t>(active_.size()));
    return GGML_STATUS_SUCCESS;
}

Result<bool> Neurons::admit(Workers& workers, Layer& layer, size_t first_run, size_t last_run, uint32_t& admitted) {
    const Stopwatch watch(stats_.managing);
    const Part part = part_of(layer);
    const NeuronLayer& shape = layer.shape;
    const bool with_up = sparsity_ == Sparsity::Predict;
    Window& window = *layer.window;
    arrivals_.clear();
    // Rows are assigned in order, so that the window is the same in every run; any thread may make the copies.
    for (size_t run = first_run; run < last_run; run++) {
        const auto source_of = [&](uint32_t neuron) {
            return run_data_[run] + (part.base + neuron * part.stride - runs_[run].offset);
        };
        for (uint32_t miss = runs_[run].first; miss < runs_[run].first + runs_[run].count; miss++) {
            // What was read through comes for nothing: it is kept where no other neuron would have to go.
            uint32_t passenger = miss > runs_[run].first ? misses_[miss - 1] + 1 : misses_[miss];
            for (; passenger < misses_[miss] && window.empty_rows() > admitted; passenger++) {
                if (window.has(passenger)) continue;
                arrivals_.push_back({passenger, kNotActive, source_of(passenger), window.take(passenger, false)});
            }
            const uint32_t row = kept_[miss] != 0 ? window.take(misses_[miss], true) : Window::kNone;
            admitted -= kept_[miss];
            arrivals_.push_back({misses_[miss], miss_at_[miss], source_of(misses_[miss]), row});
        }
    }
    std::atomic<uint32_t> corrupt{Window::kNone};
    in_parallel(workers, 0, static_cast<uint32_t>(arrivals_.size()), kChunk, [&](uint32_t from, uint32_t to) {
        for (uint32_t i = from; i < to; i++) {
            const Arrival& arrival = arrivals_[i];
            const uint8_t* up = with_up ? arrival.source : nullptr;
            const uint8_t* down = arrival.source + (with_up ? shape.up_bytes : 0);
            if (!is_intact(shape, layer.resident, arrival.neuron, up, down)) corrupt = arrival.neuron;
            if (arrival.row != Window::kNone) {
                if (with_up) std::memcpy(window.up(arrival.row), up, shape.up_bytes);
                std::memcpy(window.down(arrival.row), down, shape.down_bytes);
                up = window.up(arrival.row);
                down = window.down(arrival.row);
            }
            if (arrival.active_at != kNotActive) rows_[arrival.active_at] = {up, down};
        }
    });
    if (corrupt == Window::kNone) return true;
    window.clear();
    return Error{FLASH_READ_FAILED, store_.path + " is damaged: neuron " + std::to_string(corrupt) + " of layer " +
                                        std::to_string(shape.record.layer) + ". Convert the model again."};
}

void Neurons::accumulate(Workers& workers, const Layer& layer, const ggml_tensor* down, uint32_t begin, uint32_t end) {
    const Stopwatch watch(stats_.computing);
    const ggml_type type = layer.shape.down_type();
    const auto width = static_cast<uint32_t>(down->ne[0]);
    const auto unit = static_cast<uint32_t>(part_granularity(type));
    // Each thread has columns of its own, and takes all neurons in order: no sums to add up afterwards.
    const uint32_t units = (width + unit - 1) / unit;
    const uint32_t step = unit * std::max(1U, units / (2 * workers.count()));
    const ggml_tensor* hidden = down->src[1];
    in_parallel(workers, 0, width, step, [&](uint32_t from, uint32_t to) {
        std::vector<WeightedRow> rows;
        for (uint32_t block = begin; block < end; block += kBlock) {
            for (int64_t token = 0; token < down->ne[1]; token++) {
                const float* activations = row_of(hidden, token);
                rows.clear();
                for (uint32_t i = block; i < std::min(end, block + kBlock); i++) {
                    const float activation = activations[active_[i]];
                    if (activation != 0.0F) rows.push_back({rows_[i].down, rounded(activation, type)});
                }
                add_rows(type, rows, from, to - from, row_of(down, token) + from);
            }
        }
    });
}

Result<ggml_status> Neurons::project(Workers& workers, uint32_t number, const ggml_tensor* down, const Stop& stop) {
    const ComputeLock::Turn turn = turns_.computation(stop);
    if (!turn) return GGML_STATUS_ABORTED;
    Layer* layer = find(number);
    GGML_ASSERT(layer != nullptr && down->src[1]->type == GGML_TYPE_F32 && down->src[1]->ne[2] == 1);
    const ggml_tensor* hidden = down->src[1];
    const uint32_t neurons = layer->shape.record.neurons;
    uint64_t active = 0;
    {
        const Stopwatch watch(stats_.predicting);
        named_.assign(neurons, sparsity_ == Sparsity::Dense ? 1 : 0);
        for (int64_t token = 0; token < hidden->ne[1]; token++) {
            const float* activations = row_of(hidden, token);
            for (uint32_t i = 0; i < neurons; i++) {
                const bool is_active = activations[i] != 0.0F;
                active += is_active ? 1 : 0;
                named_[i] = named_[i] | (is_active ? 1 : 0);
            }
        }
        active_.clear();
        for (uint32_t i = 0; i < neurons; i++) {
            if (named_[i] != 0) active_.push_back(i);
        }
    }
    stats_.total += neurons * static_cast<uint64_t>(hidden->ne[1]);
    stats_.active += active;
    for (int64_t token = 0; token < down->ne[1]; token++) {
        std::fill_n(row_of(down, token), down->ne[0], 0.0F);
    }
    return sweep(workers, *layer, stop, {},
                 [&](uint32_t begin, uint32_t end) { accumulate(workers, *layer, down, begin, end); });
}

void Neurons::predict(Workers& workers, const Layer& layer, const ggml_tensor* up, const ggml_tensor* down) {
    const Stopwatch watch(stats_.predicting);
    const ggml_tensor* input = up->src[1];
    const auto tokens = static_cast<uint32_t>(input->ne[1]);
    const uint64_t compressed_bytes = layer.predictor->compressed_bytes();
    const uint64_t converted_bytes = layer.up_product->activation_bytes(input->ne[0]);
    compressed_.resize(tokens * compressed_bytes);
    converted_.resize(tokens * converted_bytes);
    // Before anything is written to the graph's memory: the input may share it with what comes after.
    in_parallel(workers, 0, tokens, 1, [&](uint32_t token, uint32_t) {
        layer.predictor->compress(row_of(input, token), compressed_.data() + token * compressed_bytes);
        layer.up_product->convert(row_of(input, token), input->ne[0], converted_.data() + token * converted_bytes);
    });
    const uint32_t neurons = layer.shape.record.neurons;
    named_.assign(neurons, 0);
    std::atomic<uint64_t> active{0};
    in_parallel(workers, 0, neurons, kGuessed, [&](uint32_t from, uint32_t to) {
        uint64_t count = 0;
        for (uint32_t token = 0; token < tokens; token++) {
            float* hidden = row_of(down->src[1], token);
            layer.predictor->score(from, to, compressed_.data() + token * compressed_bytes, hidden + from);
            for (uint32_t i = from; i < to; i++) {
                const bool is_active = hidden[i] > layer.shape.record.threshold;
                hidden[i] = is_active ? 1.0F : 0.0F;
                count += is_active ? 1 : 0;
                named_[i] = named_[i] | (is_active ? 1 : 0);
            }
        }
        active += count;
    });
    active_.clear();
    for (uint32_t i = 0; i < neurons; i++) {
        if (named_[i] != 0) active_.push_back(i);
    }
    stats_.total += uint64_t{neurons} * tokens;
    stats_.active += active;
}

void Neurons::activate(Workers& workers, const Layer& layer, const FeedForward& block, const std::vector<uint32_t>& at,
                       uint32_t begin, uint32_t end) {
    const Stopwatch watch(stats_.computing);
    const ggml_tensor* down = block.down;
    const auto* biases = block.bias == nullptr ? nullptr : static_cast<const float*>(block.bias->data);
    const int64_t width = layer.shape.record.embedding;
    const uint64_t converted_bytes = layer.up_product->activation_bytes(width);
    in_parallel(workers, begin, end, kChunk, [&](uint32_t from, uint32_t to) {
        for (uint32_t token = 0; token < down->ne[1]; token++) {
            float* hidden = row_of(down->src[1], token);
            for (uint32_t i = from; i < to; i++) {
                const uint32_t neuron = active_[at[i]];
                float& activation = hidden[neuron];
                if (activation == 0.0F) continue;
                const float product =
                    (*layer.up_product)(rows_[at[i]].up, converted_.data() + token * converted_bytes, width) +
                    (biases == nullptr ? 0.0F : biases[neuron]);
                activation = product > 0.0F ? product * product : 0.0F;
            }
        }
    });
}

Result<ggml_status> Neurons::feed_forward(Workers& workers, uint32_t number, const FeedForward& block,
                                          const Stop& stop) {
    const ComputeLock::Turn turn = turns_.computation(stop);
    if (!turn) return GGML_STATUS_ABORTED;
    Layer* layer = find(number);
    GGML_ASSERT(layer != nullptr && layer->predictor != nullptr && block.up->src[1]->type == GGML_TYPE_F32);
    const ggml_tensor* down = block.down;
    predict(workers, *layer, block.up, down);
    for (int64_t token = 0; token < down->ne[1]; token++) {
        std::fill_n(row_of(down, token), down->ne[0], 0.0F);
    }
    // What is in memory is multiplied while the rest is being read.
    const auto meanwhile = [&] { activate(workers, *layer, block, hit_at_, 0, static_cast<uint32_t>(hit_at_.size())); };
    uint32_t miss = 0;
    return sweep(workers, *layer, stop, meanwhile, [&](uint32_t begin, uint32_t end) {
        const uint32_t first = miss;
        while (miss < miss_at_.size() && miss_at_[miss] < end) miss++;
        activate(workers, *layer, block, miss_at_, first, miss);
        accumulate(workers, *layer, down, begin, end);
    });
}

}  // namespace flash
