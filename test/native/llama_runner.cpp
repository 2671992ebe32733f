#include "llama_runner.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>

#include "ggml-backend.h"
#include "llama.h"
#include "random.h"

namespace flint {
namespace {

void load_processor_backends() {
    static const bool loaded = [] {
        llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
        const char* folder = std::getenv("FLINT_CPU_LIBRARIES_FOLDER");
        ggml_backend_load_all_from_path(folder == nullptr ? GGML_LIBRARIES_FOLDER : folder);
        return true;
    }();
    static_cast<void>(loaded);
}

ggml_backend_reg_t flash_registry() {
    load_processor_backends();
    static ggml_backend_reg_t registry = ggml_backend_load(FLASH_LIBRARY);
    if (registry == nullptr) throw std::runtime_error("cannot load " FLASH_LIBRARY);
    return registry;
}

flash_plan_request request_for(const std::string& model_path, uint64_t ram_cap) {
    flash_plan_request request{};
    request.model_path = model_path.c_str();
    request.ram_cap_bytes = ram_cap;
    request.context_tokens = kContextTokens;
    request.threads = kThreads;
    return request;
}

/** Of models that are gone. */
flash_stats& past_stats() {
    static flash_stats stats{};
    return stats;
}

std::vector<const flash::OpenedModel*>& opened_models() {
    static std::vector<const flash::OpenedModel*> models;
    return models;
}

void add(flash_stats& sum, const flash_stats& stats) {
    sum.used_bytes += stats.used_bytes;
    sum.read_bytes += stats.read_bytes;
    sum.reads += stats.reads;
    sum.guessed_bytes += stats.guessed_bytes;
    sum.wasted_bytes += stats.wasted_bytes;
    sum.warming_bytes += stats.warming_bytes;
    sum.neurons += stats.neurons;
    sum.active_neurons += stats.active_neurons;
    sum.loaded_neurons += stats.loaded_neurons;
    sum.neuron_io += stats.neuron_io;
    sum.neuron_management += stats.neuron_management;
    sum.neuron_prediction += stats.neuron_prediction;
    sum.neuron_compute += stats.neuron_compute;
    sum.kept_bytes += stats.kept_bytes;
}

flash_stats stats_of(const flash::OpenedModel& model) {
    flash_stats stats{};
    flash().stats(model.get(), &stats);
    return stats;
}

}  // namespace

const flash_api& flash() {
    const void* api = ggml_backend_reg_get_proc_address(flash_registry(), FLASH_API_NAME);
    if (api == nullptr) throw std::runtime_error("libggml-flash has no " FLASH_API_NAME);
    return *static_cast<const flash_api*>(api);
}

flash_stats stats_of_all() {
    flash_stats sum = past_stats();
    for (const flash::OpenedModel* model : opened_models()) add(sum, stats_of(*model));
    return sum;
}

flash_plan plan(const std::string& model_path, uint64_t ram_cap, flash_sparsity sparsity) {
    std::array<char, 1024> error{};
    flash_plan planned{};
    flash_plan_request request = request_for(model_path, ram_cap);
    request.sparsity = sparsity;
    if (flash().plan(&request, &planned, error.data(), error.size()) != FLASH_OK) {
        throw std::runtime_error(error.data());
    }
    return planned;
}

LoadedModel::LoadedModel(const std::string& path, const Run& run)
    : model_(nullptr, &llama_model_free), context_(nullptr, &llama_free) {
    load_processor_backends();
    std::optional<flash::OpenedModel::Loading> loading;
    if (run.ram_cap) {
        flash_plan_request request = request_for(path, *run.ram_cap);
        request.sparsity = run.sparsity;
        request.without_window = run.without_window;
        request.without_bundles = run.without_bundles;
        opened_ = std::make_unique<flash::OpenedModel>(flash(), request);
        run.opened();
        loading.emplace(run.declared == nullptr ? *opened_ : *run.declared);
    } else if (ggml_backend_reg_by_name(FLASH_BACKEND_NAME) != nullptr) {
        throw std::runtime_error("libggml-flash is loaded: this would not be stock llama.cpp");
    }
    llama_model_params model_params = llama_model_default_params();
    model_params.n_gpu_layers = 0;
    model_params.use_extra_bufts = run.repack;
    if (run.ram_cap) model_params.load_mode = LLAMA_LOAD_MODE_DIRECT_IO;
    const std::string loaded = run.ram_cap ? opened_->load_path() : path;
    model_.reset(llama_model_load_from_file(loaded.c_str(), model_params));
    if (!model_) throw std::runtime_error("llama.cpp cannot load " + path);

    llama_context_params context_params = llama_context_default_params();
    context_params.n_ctx = kContextTokens;
    context_params.n_batch = kContextTokens;
    context_params.n_ubatch = run.prompt;
    // Stock is the same with one thread, and does not spin beside whatever else this machine does.
    context_params.n_threads = context_params.n_threads_batch = run.ram_cap ? kThreads : 1;
    // Detection takes attention that another backend computes for attention on another device, and turns it off.
    // And with it llama.cpp aborts on PLM (gguf/model.cpp).
    std::array<char, 64> architecture{};
    llama_model_meta_val_str(model_.get(), "general.architecture", architecture.data(), architecture.size());
    context_params.flash_attn_type =
        architecture.data() == std::string("plm") ? LLAMA_FLASH_ATTN_TYPE_DISABLED : LLAMA_FLASH_ATTN_TYPE_ENABLED;
    context_.reset(llama_init_from_model(model_.get(), context_params));
    loading.reset();
    if (!context_) throw std::runtime_error("llama.cpp makes no context for " + path);
    if (opened_) opened_models().push_back(opened_.get());
    run.loaded();
}

LoadedModel::~LoadedModel() {
    context_.reset();
    model_.reset();
    if (!opened_) return;
    flash_stats last = stats_of(*opened_);
    last.warming_bytes = 0;
    add(past_stats(), last);
    auto& models = opened_models();
    models.erase(std::find(models.begin(), models.end(), opened_.get()));
}

int32_t LoadedModel::decode(const std::vector<int32_t>& tokens, Logits& logits) {
    llama_batch batch = llama_batch_init(static_cast<int32_t>(tokens.size()), 0, 1);
    batch.n_tokens = static_cast<int32_t>(tokens.size());
    for (size_t i = 0; i < tokens.size(); i++) {
        batch.token[i] = tokens[i];
        batch.pos[i] = position_ + static_cast<llama_pos>(i);
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = 1;
    }
    const int32_t status = llama_decode(context_.get(), batch);
    llama_batch_free(batch);
    if (status != 0) return status;
    position_ += static_cast<llama_pos>(tokens.size());
    for (size_t i = 0; i < tokens.size(); i++) {
        const float* row = llama_get_logits_ith(context_.get(), static_cast<int32_t>(i));
        logits.insert(logits.end(), row, row + vocabulary());
    }
    return 0;
}

std::vector<uint8_t> LoadedModel::state() {
    std::vector<uint8_t> bytes(llama_state_seq_get_size(context_.get(), 0));
    if (llama_state_seq_get_data(context_.get(), bytes.data(), bytes.size(), 0) != bytes.size())
        throw std::runtime_error("llama.cpp tells less of a sequence than it says");
    return bytes;
}

void LoadedModel::continue_from(LoadedModel& other) {
    const std::vector<uint8_t> bytes = other.state();
    if (llama_state_seq_set_data(context_.get(), bytes.data(), bytes.size(), 0) != bytes.size())
        throw std::runtime_error("llama.cpp does not take a sequence from another context");
    position_ = other.position_;
}

void LoadedModel::clear() {
    llama_memory_clear(llama_get_memory(context_.get()), true);
    position_ = 0;
}

std::vector<int32_t> LoadedModel::tokenize(const std::string& text) const {
    std::vector<int32_t> tokens(text.size() + 2);
    const int32_t count =
        llama_tokenize(llama_model_get_vocab(model_.get()), text.data(), static_cast<int32_t>(text.size()),
                       tokens.data(), static_cast<int32_t>(tokens.size()), true, false);
    if (count < 0) throw std::runtime_error("the text cannot be tokenized");
    tokens.resize(static_cast<size_t>(count));
    return tokens;
}

uint32_t LoadedModel::vocabulary() const {
    return static_cast<uint32_t>(llama_vocab_n_tokens(llama_model_get_vocab(model_.get())));
}

namespace {

/** The prompt comes from one model, what follows from another, which may be the same. */
Logits evaluate_with(LoadedModel& of_prompt, const std::function<LoadedModel&()>& of_the_rest, const Run& run) {
    Random random(7);
    const uint32_t vocabulary = of_prompt.vocabulary();
    const auto any_token = [&] { return static_cast<int32_t>(random.below(vocabulary)); };
    Logits logits;
    const auto decode = [&](LoadedModel& model, const std::vector<int32_t>& tokens) {
        const int32_t status = model.decode(tokens, logits);
        if (status != 0) throw std::runtime_error("llama_decode returned " + std::to_string(status));
    };
    std::vector<int32_t> prompt(run.prompt);
    for (int32_t& token : prompt) token = any_token();
    decode(of_prompt, prompt);
    LoadedModel& rest = of_the_rest();
    if (run.guessed > 1) flash().set_token_by_token(rest.opened(), true);
    for (uint32_t i = 0; i < run.single_tokens; i += run.guessed) {
        std::vector<int32_t> batch(run.guessed);
        for (int32_t& token : batch) token = any_token();
        if (run.likeliest > 0 && i % run.likeliest > 0) {
            const auto last = logits.end() - static_cast<std::ptrdiff_t>(vocabulary);
            batch.front() = static_cast<int32_t>(std::max_element(last, logits.end()) - last);
        }
        decode(rest, batch);
    }
    if (run.guessed > 1) flash().set_token_by_token(rest.opened(), false);
    return logits;
}

}  // namespace

Logits evaluate(const std::string& model_path, const Run& run) {
    LoadedModel model(model_path, run);
    return evaluate_with(
        model, [&]() -> LoadedModel& { return model; }, run);
}

Logits evaluate_mixed(const std::string& model_path, const Run& run) {
    Run plain = run;
    plain.repack = false;
    LoadedModel of_prompt(model_path, run);
    LoadedModel of_the_rest(model_path, plain);
    const auto hand_over = [&]() -> LoadedModel& {
        of_the_rest.continue_from(of_prompt);
        return of_the_rest;
    };
    return evaluate_with(of_prompt, hand_over, run);
}

}  // namespace flint
