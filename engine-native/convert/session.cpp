#include "session.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "llama.h"

namespace flash {
namespace {

/** Tokens in one go: their logits are all kept, and a vocabulary may have 200,000 tokens. */
constexpr size_t kBatch = 64;

}  // namespace

double Prediction::perplexity() const { return std::exp(negative_log_likelihood / static_cast<double>(tokens)); }

Session::Session(const std::string& path, uint32_t window, int threads, bool direct, Observer observer)
    : observer_(std::move(observer)), model_(nullptr, &llama_model_free), context_(nullptr, &llama_free) {
    llama_model_params model_params = llama_model_default_params();
    model_params.n_gpu_layers = 0;
    model_params.load_mode = direct ? LLAMA_LOAD_MODE_DIRECT_IO : LLAMA_LOAD_MODE_MMAP;
    // Laid out anew, weights would take their size again.
    model_params.use_extra_bufts = false;
    model_.reset(llama_model_load_from_file(path.c_str(), model_params));
    if (!model_) throw std::runtime_error(path + " cannot be loaded by llama.cpp");
    llama_context_params params = llama_context_default_params();
    params.n_ctx = window;
    params.n_batch = params.n_ubatch = kBatch;
    params.n_threads = params.n_threads_batch = threads;
    // With it llama.cpp aborts on PLM (gguf/model.cpp).
    std::array<char, 64> architecture{};
    llama_model_meta_val_str(model_.get(), "general.architecture", architecture.data(), architecture.size());
    params.flash_attn_type =
        architecture.data() == std::string("plm") ? LLAMA_FLASH_ATTN_TYPE_DISABLED : LLAMA_FLASH_ATTN_TYPE_ENABLED;
    if (observer_.wants) {
        params.cb_eval_user_data = &observer_;
        params.cb_eval = [](ggml_tensor* node, bool ask, void* data) {
            const auto& observer = *static_cast<const Observer*>(data);
            if (ask) return observer.wants(node);
            observer.sees(node);
            return true;
        };
    }
    context_.reset(llama_init_from_model(model_.get(), params));
    if (!context_) throw std::runtime_error("llama.cpp makes no context for " + path);
}

std::vector<int32_t> Session::tokenize(const std::string& text) const {
    const llama_vocab* vocabulary = llama_model_get_vocab(model_.get());
    std::vector<int32_t> tokens(text.size() + 2);
    const int32_t count = llama_tokenize(vocabulary, text.data(), static_cast<int32_t>(text.size()), tokens.data(),
                                         static_cast<int32_t>(tokens.size()), true, false);
    if (count < 0) throw std::runtime_error("the calibration text cannot be tokenized");
    tokens.resize(static_cast<size_t>(count));
    return tokens;
}

void Session::clear() {
    llama_memory_clear(llama_get_memory(context_.get()), true);
    position_ = 0;
}

void Session::evaluate(const std::vector<int32_t>& tokens) {
    const auto count = static_cast<int32_t>(tokens.size());
    llama_batch batch = llama_batch_init(count, 0, 1);
    batch.n_tokens = count;
    for (int32_t i = 0; i < count; i++) {
        batch.token[i] = tokens[static_cast<size_t>(i)];
        batch.pos[i] = position_ + i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = 1;
    }
    const int32_t status = llama_decode(context_.get(), batch);
    llama_batch_free(batch);
    if (status != 0) throw std::runtime_error("llama.cpp could not compute (status " + std::to_string(status) + ")");
    position_ += count;
}

int32_t Session::most_likely(const float* logits) const {
    const int32_t count = llama_vocab_n_tokens(llama_model_get_vocab(model_.get()));
    return static_cast<int32_t>(std::max_element(logits, logits + count) - logits);
}

void Session::predict(const std::vector<int32_t>& tokens, Prediction& prediction) {
    clear();
    const auto vocabulary = static_cast<size_t>(llama_vocab_n_tokens(llama_model_get_vocab(model_.get())));
    for (size_t begin = 0; begin < tokens.size(); begin += kBatch) {
        const size_t end = std::min(tokens.size(), begin + kBatch);
        evaluate(
            {tokens.begin() + static_cast<std::ptrdiff_t>(begin), tokens.begin() + static_cast<std::ptrdiff_t>(end)});
        for (size_t i = begin; i < end && i + 1 < tokens.size(); i++) {
            const float* logits = llama_get_logits_ith(context_.get(), static_cast<int32_t>(i - begin));
            const int32_t best = most_likely(logits);
            double sum = 0;
            for (size_t token = 0; token < vocabulary; token++) sum += std::exp(logits[token] - logits[best]);
            prediction.negative_log_likelihood += std::log(sum) + logits[best] - logits[tokens[i + 1]];
            prediction.tokens++;
            prediction.right += best == tokens[i + 1] ? 1 : 0;
        }
    }
}

std::vector<int32_t> Session::continue_greedily(const std::vector<int32_t>& prompt, uint32_t count) {
    clear();
    std::vector<int32_t> continuation;
    evaluate(prompt);
    int32_t last = static_cast<int32_t>(prompt.size()) - 1;
    for (uint32_t i = 0; i < count; i++) {
        continuation.push_back(most_likely(llama_get_logits_ith(context_.get(), last)));
        if (i + 1 == count) break;
        evaluate({continuation.back()});
        last = 0;
    }
    return continuation;
}

uint32_t Session::agreement(const std::vector<int32_t>& prompt, const std::vector<int32_t>& continuation) {
    clear();
    evaluate(prompt);
    uint32_t equal = 0;
    int32_t last = static_cast<int32_t>(prompt.size()) - 1;
    for (const int32_t token : continuation) {
        equal += most_likely(llama_get_logits_ith(context_.get(), last)) == token ? 1 : 0;
        evaluate({token});
        last = 0;
    }
    return equal;
}

}  // namespace flash
