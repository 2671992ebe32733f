#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "opened_model.h"

struct llama_context;
struct llama_model;

namespace flint {

/** The logits of a prompt, read as one batch, and of single tokens after it; one after the other. */
using Logits = std::vector<float>;

constexpr int kThreads = 2;
constexpr uint32_t kContextTokens = 256;
constexpr uint32_t kPromptTokens = 40;
constexpr uint32_t kSingleTokens = 16;

struct Run {
    /** Weights that do not stream may be kept in other layouts with other kernels, as llama.cpp does by default. */
    bool repack = false;
    /** Bytes of weights; absent: stock llama.cpp, which must come before the first run with flash. */
    std::optional<uint64_t> ram_cap;
    /** Of the prompt, at most kContextTokens - single_tokens. */
    uint32_t prompt = kPromptTokens;
    /** Tokens after the prompt are decoded so many at a time, and computed one by one. */
    uint32_t guessed = 1;
    /** After the prompt. */
    uint32_t single_tokens = kSingleTokens;
    /** Of so many of these one is any, the others are those with the largest logits; 0: all are any. */
    uint32_t likeliest = 0;
    /** As in flash.h, of a converted model. */
    flash_sparsity sparsity = FLASH_EXACT;
    bool without_window = false;
    bool without_bundles = false;
    /** The library is told that this one is loaded; null: the model itself. */
    const flash::OpenedModel* declared = nullptr;
    /** Called before llama.cpp loads what was opened. */
    std::function<void()> opened = [] {};
    /** Called when the model can be asked. */
    std::function<void()> loaded = [] {};
};

/** A model with a context, as llama.cpp has them. */
class LoadedModel {
  public:
    /** @throws std::runtime_error when it cannot be loaded, or when the order of stock and flash is wrong */
    LoadedModel(const std::string& path, const Run& run);
    ~LoadedModel();
    LoadedModel(const LoadedModel&) = delete;
    LoadedModel& operator=(const LoadedModel&) = delete;

    /** Evaluates the tokens in one batch and appends the logits of each. @return what llama_decode returns */
    int32_t decode(const std::vector<int32_t>& tokens, Logits& logits);
    /** Goes on after the tokens of another context of the same model, with what that has computed of them. */
    void continue_from(LoadedModel& other);
    /** Forgets all tokens. */
    void clear();
    uint32_t vocabulary() const;
    std::vector<int32_t> tokenize(const std::string& text) const;

    /** Null for stock llama.cpp. */
    flash_model* opened() const { return opened_ ? opened_->get() : nullptr; }

  private:
    std::vector<uint8_t> state();

    std::unique_ptr<flash::OpenedModel> opened_;
    std::unique_ptr<llama_model, void (*)(llama_model*)> model_;
    std::unique_ptr<llama_context, void (*)(llama_context*)> context_;
    int32_t position_ = 0;
};

/**
 * Evaluates a fixed sequence of tokens, so that runs can be compared at each.
 * @throws std::runtime_error when the model cannot be loaded or evaluated
 */
Logits evaluate(const std::string& model_path, const Run& run);

/** As evaluate, but what comes after the prompt is computed from rows as they are in the file. */
Logits evaluate_mixed(const std::string& model_path, const Run& run);

/** The interface of libggml-flash, which is loaded upon the first call. */
const flash_api& flash();

/** Of all models that were opened so far, those that are gone included. */
flash_stats stats_of_all();

/** @throws std::runtime_error with what the library says */
flash_plan plan(const std::string& model_path, uint64_t ram_cap, flash_sparsity sparsity = FLASH_EXACT);

}  // namespace flint
