#pragma once

#include <cstdint>
#include <string>

#include "ggml.h"

namespace flint {

/** The shape of a synthetic model: random weights, a real vocabulary. Numbers are those of the GGUF keys. */
struct Shape {
    // llama, qwen2, qwen3, arcee, nemotron, jais2 or plm; with experts: qwen3moe, gpt-oss, smallthinker, deepseek2-ocr,
    // grok, or nemotron_h_moe
    std::string architecture = "llama";
    uint32_t layers = 2;
    uint32_t embedding = 256;
    uint32_t heads = 4;
    uint32_t kv_heads = 4;
    uint32_t head_width = 0;  // 0: embedding / heads
    uint32_t feed_forward = 512;
    uint32_t context = 4096;         // tokens it claims to be trained for
    uint32_t experts = 0;            // 0: a dense feed-forward block
    uint32_t experts_used = 0;       // of these, for each token
    uint32_t dense_layers = 0;       // of deepseek2-ocr: leading layers without experts
    uint32_t shared_experts = 0;     // of deepseek2-ocr and nemotron_h_moe: experts that work for every token
    bool merged = false;             // of deepseek2-ocr: gate and up are one tensor
    uint32_t vocabulary = 0;         // tokens of the tokenizer that are kept, the first; 0: all
    bool tied = false;               // the embedding is the output matrix too
    ggml_type type = GGML_TYPE_F16;  // of the matrices of the layers
    ggml_type vocabulary_type = GGML_TYPE_F16;  // of the embedding and the output matrix
    /**
     * How large what a layer adds is beside the token's embedding, in percent. The smaller, the more a layer sees the
     * last token alone, and the less routing repeats; 0 is only almost nothing.
     */
    uint32_t residual = 100;
    /**
     * Of arcee, nemotron and jais2, untied: how many of a layer's neurons a token makes active on average,
     * in percent; the same ones again and again as in a trained model (sparse_rows.h), for as long as layers add little
     * (`residual`). 0: half of them, at random.
     */
    uint32_t active = 0;
    uint64_t seed = 1;
};

/**
 * Writes a GGUF model, under a temporary name until it is complete. Takes little memory whatever the size: tensors are
 * written row by row. The same shape and vocabulary make the same bytes.
 *
 * Weights have a standard deviation of 1/sqrt(row length), so that activations keep their size from layer to layer.
 * Of each row length and type only the first rows are all different (16 million weights of the tokens' matrices, a
 * quarter of a million of the layers'); then rows repeat in random order: enough for bytes, speed and equality of
 * results, no use for quality.
 *
 * @param vocabulary_path a GGUF file with a tokenizer, such as llama.cpp's ggml-vocab-*.gguf
 * @throws std::runtime_error with words for a person when the shape makes no sense or a file cannot be read or written
 */
void write_model(const Shape& shape, const std::string& vocabulary_path, const std::string& path);

/** The type of this name, as ggml spells it, in any case: `Q4_0`. @throws std::runtime_error where there is none. */
ggml_type parse_type(const std::string& name);

}  // namespace flint
