#include "conversion.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <random>

#include "calibration.h"
#include "flash.h"
#include "footprint.h"
#include "ggml-backend-impl.h"
#include "journal.h"
#include "llama.h"
#include "opened_model.h"
#include "order.h"
#include "platform/library.h"
#include "store_writer.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

/** llama.cpp's own recipes, by the name that people know. */
const std::map<std::string, llama_ftype> kRecipes = {
    {"F16", LLAMA_FTYPE_MOSTLY_F16},       {"BF16", LLAMA_FTYPE_MOSTLY_BF16},     {"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0},
    {"Q6_K", LLAMA_FTYPE_MOSTLY_Q6_K},     {"Q5_K_M", LLAMA_FTYPE_MOSTLY_Q5_K_M}, {"Q5_0", LLAMA_FTYPE_MOSTLY_Q5_0},
    {"Q4_K_M", LLAMA_FTYPE_MOSTLY_Q4_K_M}, {"Q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},
};

int64_t rank_for(int64_t embedding) {
    // The paper's 128 for a width of 4096; a narrow model has less to spare for each neuron.
    constexpr int64_t kPaperRank = 128;
    const int64_t quarter = (embedding / 4 + 31) / 32 * 32;
    return std::min(kPaperRank, quarter);
}

uint64_t total_bytes(const Model& model) {
    uint64_t sum = model.metadata_bytes;
    for (const TensorInfo& tensor : model.tensors) sum += tensor.size;
    return sum;
}

Model read(const std::string& path) {
    Result<Model> model = read_usable_model(path);
    if (!model) throw NotConvertible(model.error().message);
    return std::move(*model);
}

std::string size_in_words(uint64_t bytes) {
    const bool large = bytes >= 1ULL << 30;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), large ? "%.1f GiB" : "%.0f MiB",
                  static_cast<double>(bytes) / (large ? 1 << 30 : 1 << 20));
    return text.data();
}

std::vector<LayerOrder> layers_of(const std::vector<LayerPlan>& plans) {
    std::vector<LayerOrder> layers;
    for (const LayerPlan& plan : plans) layers.push_back({plan.block.layer, {}});
    return layers;
}

class Conversion {
  public:
    Conversion(const ConversionRequest& request, const Progress& progress)
        : request_(request), progress_(progress), source_(read(request.source)) {}

    ConversionReport run() {
        check_source();
        tokens_ = calibration_tokens(blocks_of(source_), source_.vocabulary, request_.ram_cap);
        prepare_folder();
        const Model skeleton = quantized();
        const std::vector<LayerPlan> plans =
            plan_layers(skeleton, source_, rank_for(blocks_of(skeleton).front().embedding()));
        check_space(skeleton, plans);
        const Calibration calibration = calibrated(skeleton);
        write_store(skeleton, plans, calibration);
        return verified(skeleton, calibration, plans);
    }

    ConversionEstimate estimate() const {
        check_source();
        const std::vector<Block> blocks = blocks_of(source_);
        const std::vector<LayerPlan> plans = plan_layers(source_, source_, rank_for(blocks.front().embedding()));
        const uint64_t tokens = calibration_tokens(blocks, source_.vocabulary, request_.ram_cap);
        return {skeleton_bytes(source_, layers_of(plans)), store_bytes(plans),
                fitting_bytes(blocks, source_.vocabulary, tokens)};
    }

  private:
    void check_source() const {
        if (source_.store) throw NotConvertible(request_.source + " is converted already.");
        if (blocks_of(source_).empty()) {
            throw NotConvertible(request_.source +
                                 " has no feed-forward blocks without a gate: only models with squared ReLU (arcee, "
                                 "nemotron, jais2, plm) can be converted.");
        }
        if (request_.quantize.empty()) return;
        if (kRecipes.count(request_.quantize) == 0) {
            std::string known;
            for (const auto& [name, recipe] : kRecipes) known += (known.empty() ? "" : ", ") + name;
            throw NotConvertible("cannot quantize to " + request_.quantize + ": give one of " + known + ".");
        }
        for (const Block& block : blocks_of(source_)) {
            const ggml_type type = block.down->type;
            if (type != GGML_TYPE_F32 && type != GGML_TYPE_F16 && type != GGML_TYPE_BF16) {
                throw NotConvertible(request_.source + " is quantized already (" + ggml_type_name(type) +
                                     "): quantize the F16 or BF16 model that it was made from.");
            }
        }
    }

    std::string stem() const {
        const std::string name = fs::u8path(request_.source).stem().u8string();
        return name + (request_.quantize.empty() ? "" : "-" + request_.quantize) + "-flash";
    }
    fs::path final_path(const char* extension) const {
        return fs::u8path(request_.folder) / fs::u8path(stem() + extension);
    }
    fs::path work_path(const char* extension) const { return work_ / fs::u8path(stem() + extension); }

    void prepare_folder() {
        work_ = fs::u8path(request_.folder) / fs::u8path("." + stem() + ".part");
        std::error_code failed;
        fs::create_directories(work_, failed);
        if (failed) throw DiskError("cannot write to " + request_.folder + ": " + failed.message());
        const fs::path source = native_path(request_.source);
        const uint64_t bytes = fs::file_size(source, failed);
        const auto changed =
            std::chrono::duration_cast<std::chrono::seconds>(fs::last_write_time(source, failed).time_since_epoch());
        key_ = "flint-convert " + std::to_string(kStoreVersion) + " " + std::to_string(bytes) + " " +
               std::to_string(changed.count()) + " " + std::to_string(static_cast<int>(request_.predictor)) +
               (request_.source_order ? " source " : " ") + request_.quantize + " " +
               std::to_string(checksum(request_.calibration.data(), request_.calibration.size())) + " " +
               std::to_string(tokens_) + "\n";
    }

    /** The model that becomes the skeleton. */
    Model quantized() {
        if (request_.quantize.empty()) return read(request_.source);
        const std::string path = work_path("-quantized.gguf").u8string();
        const std::string partial = path + ".part";
        if (!fs::exists(fs::u8path(path))) {
            progress_("quantize", 0, 1);
            const uint64_t free = free_bytes(work_.u8string());
            if (free < total_bytes(source_)) throw too_full(total_bytes(source_), free);
            llama_model_quantize_params params = llama_model_quantize_default_params();
            params.ftype = kRecipes.at(request_.quantize);
            params.nthread = request_.threads;
            if (llama_model_quantize(request_.source.c_str(), partial.c_str(), &params) != 0) {
                throw std::runtime_error("llama.cpp cannot quantize " + request_.source);
            }
            fs::rename(fs::u8path(partial), fs::u8path(path));
        }
        return read(path);
    }

    DiskError too_full(uint64_t needed, uint64_t free) const {
        return DiskError("the disk of " + request_.folder + " is too full: " + size_in_words(needed) + " are needed, " +
                         size_in_words(needed - free) + " more than there are.");
    }

    void check_space(const Model& skeleton, const std::vector<LayerPlan>& plans) {
        skeleton_bytes_ = skeleton_bytes(skeleton, layers_of(plans));
        const uint64_t needed = skeleton_bytes_ + store_bytes(plans);
        std::error_code absent;
        const uint64_t written =
            fs::exists(work_path(".flash"), absent) ? fs::file_size(work_path(".flash"), absent) : 0;
        const uint64_t free = free_bytes(work_.u8string()) + written;
        if (free < needed) throw too_full(needed, free);
    }

    Calibration calibrated(const Model& skeleton) {
        Calibration calibration =
            calibrate(skeleton.files.front(), blocks_of(skeleton), request_.calibration, tokens_, request_.threads,
                      [&](uint64_t done, uint64_t total) { progress_("calibrate", done, total); });
        if (!calibration.squared_relu) {
            throw NotConvertible(request_.source + " does not use squared ReLU: it has no neurons to leave out.");
        }
        return calibration;
    }

    void write_store(const Model& skeleton, const std::vector<LayerPlan>& plans, const Calibration& calibration) {
        Journal journal((work_ / "journal").u8string(), key_);
        const Source skeleton_source(skeleton);
        const Source original(source_);
        const Products products(request_.threads);
        OutputFile file(work_path(".flash").u8string());
        std::vector<StoreLayer> records;
        std::vector<LayerOrder> orders;
        for (size_t i = 0; i < plans.size(); i++) {
            progress_("layers", i, plans.size());
            const LayerPlan& plan = plans[i];
            const Journal::Entry* done = journal.find(plan.block.layer);
            if (done == nullptr) {
                journal.add(convert_layer(file, plan, calibration.inputs.at(plan.block.layer), skeleton_source,
                                          original, products));
                done = journal.find(plan.block.layer);
            }
            records.push_back(done->record);
            orders.push_back({plan.block.layer, done->order});
        }
        progress_("write", 0, 1);
        reference_ = {stem() + ".flash", std::random_device{}() | uint64_t{std::random_device{}()} << 32};
        write_header(file, records, reference_.identity, store_bytes(plans));
        write_skeleton(skeleton, orders, reference_, work_path(".gguf").u8string());
        for (const StoreLayer& record : records) {
            const uint64_t predictor = predictor_bytes(record.neurons, record.embedding, record.rank);
            report_.layers.push_back({record.layer, record.neurons, record.rank, predictor, record.figures});
        }
    }

    Journal::Entry convert_layer(OutputFile& file, const LayerPlan& plan, const Matrix& inputs, const Source& skeleton,
                                 const Source& original, const Products& products) const {
        LayerSample sample;
        sample.inputs = inputs;
        sample.up = skeleton.numbers(*plan.block.up);
        sample.bias.assign(static_cast<size_t>(sample.up.rows), 0.0F);
        if (plan.block.bias != nullptr) sample.bias = skeleton.numbers(*plan.block.bias).data;
        sample.products = products(inputs, sample.up);
        for (int64_t t = 0; t < inputs.rows; t++) {
            std::transform(sample.bias.begin(), sample.bias.end(), sample.products.row(t), sample.products.row(t),
                           std::plus<>());
        }
        const Matrix down = transposed(original.numbers(*plan.original));
        for (int64_t i = 0; i < down.rows; i++) {
            sample.down_length.push_back(std::sqrt(dot(down.row(i), down.row(i), down.columns)));
        }
        LayerContent content;
        FitRequest fit;
        fit.kind = request_.predictor;
        fit.rank = plan.record.rank;
        content.predictor = fit_predictor(products, sample, fit);
        content.frequency.assign(static_cast<size_t>(down.rows), 0.0F);
        for (int64_t t = 0; t < inputs.rows; t++) {
            for (int64_t i = 0; i < down.rows; i++) {
                if (sample.products.row(t)[i] > 0)
                    content.frequency[static_cast<size_t>(i)] += 1 / static_cast<float>(inputs.rows);
            }
        }
        content.order = neuron_order(sample.products);
        if (request_.source_order) std::iota(content.order.begin(), content.order.end(), 0);
        const StoreLayer record = write_layer(file, skeleton, plan, down, content);
        file.sync();
        return {record, content.order};
    }

    /** Compares with the source, and gives the final names. What is wrong is not gone on with another time. */
    ConversionReport verified(const Model& skeleton, const Calibration& calibration,
                              const std::vector<LayerPlan>& plans) {
        // Not by ggml, which takes paths to be in the code page of Windows.
        const auto init = load_function(request_.backend, "ggml_backend_init");
        if (!init) throw std::runtime_error(init.error().message);
        ggml_backend_reg_t registry = reinterpret_cast<ggml_backend_init_t>(*init)();
        ggml_backend_register(registry);
        const auto* api = static_cast<const flash_api*>(ggml_backend_reg_get_proc_address(registry, FLASH_API_NAME));
        try {
            compare(*api, calibration, plans);
        } catch (const std::runtime_error&) {
            fs::remove(work_ / "journal");
            throw;
        }
        reference_.dense_perplexity = report_.dense_perplexity;
        reference_.predict_perplexity = report_.predict_perplexity;
        add_perplexities(skeleton, reference_, work_path(".gguf").u8string());
        finish(plans);
        return report_;
    }

    void compare(const flash_api& api, const Calibration& calibration, const std::vector<LayerPlan>& plans) {
        progress_("verify", 0, 2);
        report_.verified_tokens = static_cast<uint32_t>(calibration.continuation.size());
        serve(api, FLASH_EXACT, [&](Session& exact) {
            report_.equal_tokens = exact.agreement(calibration.prompt, calibration.continuation);
        });
        // Requantized columns may turn a close decision, but no more than that.
        const bool same_bits = std::all_of(plans.begin(), plans.end(), [](const LayerPlan& plan) {
            return plan.down_type == plan.block.down->type && ggml_blck_size(plan.down_type) == 1;
        });
        const uint32_t least = report_.verified_tokens - (same_bits ? 1 : report_.verified_tokens / 8);
        if (report_.equal_tokens < least) {
            throw std::runtime_error("the converted model does not say what " + request_.source +
                                     " says: " + std::to_string(report_.equal_tokens) + " of " +
                                     std::to_string(report_.verified_tokens) + " tokens are equal. Keep the source.");
        }
        progress_("verify", 1, 2);
        Prediction predicted;
        serve(api, FLASH_PREDICT, [&](Session& predict) {
            for (const auto& window : held_out_windows(calibration)) predict.predict(window, predicted);
        });
        report_.dense_perplexity = calibration.held_out.perplexity();
        report_.predict_perplexity = predicted.perplexity();
    }

    /** Runs `use` with the converted model, computed by the backend that will serve it. */
    void serve(const flash_api& api, flash_sparsity sparsity, const std::function<void(Session&)>& use) const {
        const std::string path = work_path(".gguf").u8string();
        flash_plan_request request{};
        request.model_path = path.c_str();
        request.ram_cap_bytes = request_.ram_cap == 0 ? UINT64_MAX / 4 : request_.ram_cap;
        request.context_tokens = kWindowTokens;
        request.threads = static_cast<uint32_t>(request_.threads);
        request.sparsity = sparsity;
        const OpenedModel opened(api, request);
        try {
            std::optional<OpenedModel::Loading> loading(opened);
            Session session(path, kWindowTokens, request_.threads, true, {});
            loading.reset();
            use(session);
        } catch (const std::runtime_error& error) {
            throw std::runtime_error(opened.take_error().value_or(error.what()));
        }
    }

    void finish(const std::vector<LayerPlan>& plans) {
        report_.model = final_path(".gguf").u8string();
        report_.store = final_path(".flash").u8string();
        report_.model_bytes = skeleton_bytes_;
        report_.store_bytes = store_bytes(plans);
        std::error_code failed;
        // The skeleton last: with it the model is there.
        fs::rename(work_path(".flash"), final_path(".flash"), failed);
        if (!failed) {
            fs::rename(work_path(".gguf"), final_path(".gguf"), failed);
            std::error_code ignored;
            if (failed) fs::rename(final_path(".flash"), work_path(".flash"), ignored);
        }
        if (failed) throw DiskError("cannot write " + report_.model + ": " + failed.message());
        fs::remove_all(work_, failed);
    }

    const ConversionRequest& request_;
    const Progress progress_;
    Model source_;
    fs::path work_;
    std::string key_;
    uint64_t tokens_ = 0;
    uint64_t skeleton_bytes_ = 0;
    StoreReference reference_;
    ConversionReport report_;
};

}  // namespace

ConversionEstimate estimate(const ConversionRequest& request) { return Conversion(request, {}).estimate(); }

ConversionReport convert(const ConversionRequest& request, const Progress& progress) {
    return Conversion(request, progress).run();
}

}  // namespace flash
