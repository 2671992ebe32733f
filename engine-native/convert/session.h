#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ggml-backend.h"

struct llama_context;
struct llama_model;

namespace flash {

/** How well a text was predicted. */
struct Prediction {
    double negative_log_likelihood = 0;  // nats, of all tokens
    uint64_t tokens = 0;
    uint64_t right = 0;  // that were the most likely

    double perplexity() const;
};

/** What llama.cpp computed at a node of its graph; called for those that `wants` was true of. */
struct Observer {
    std::function<bool(const ggml_tensor* node)> wants;
    std::function<void(const ggml_tensor* node)> sees;
};

/** A model in llama.cpp. Throws std::runtime_error with words for a person. */
class Session {
  public:
    /** @param window tokens of context @param direct past the page cache, as our backend wants it */
    Session(const std::string& path, uint32_t window, int threads, bool direct, Observer observer);

    std::vector<int32_t> tokenize(const std::string& text) const;
    /** Evaluates the tokens from an empty context, and adds how each was predicted from those before it. */
    void predict(const std::vector<int32_t>& tokens, Prediction& prediction);
    /** The most likely continuation of `prompt`. */
    std::vector<int32_t> continue_greedily(const std::vector<int32_t>& prompt, uint32_t count);
    /** Of `count` tokens after `prompt`, how many this model finds the most likely where another one did. */
    uint32_t agreement(const std::vector<int32_t>& prompt, const std::vector<int32_t>& continuation);

  private:
    int32_t most_likely(const float* logits) const;
    /** Evaluates after what was evaluated before, with logits of all. */
    void evaluate(const std::vector<int32_t>& tokens);
    void clear();

    Observer observer_;
    std::unique_ptr<llama_model, void (*)(llama_model*)> model_;
    std::unique_ptr<llama_context, void (*)(llama_context*)> context_;
    int32_t position_ = 0;
};

}  // namespace flash
