#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <string_view>
#include <unordered_set>

#include "gguf/metadata_check.h"

namespace flash {
namespace {

/** Of llama_vocab::impl::load. Those after the first three split text by merges. */
constexpr std::array<std::string_view, 5> kTokenizers = {"llama", "bert", "t5", "rwkv", "plamo2"};
constexpr std::array<std::string_view, 4> kWithMerges = {"gpt2", "hybriddna", "whitespace", "gemma4"};

template <size_t Count>
bool has(const std::array<std::string_view, Count>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/** One value of four bytes for each token, or more. */
void check_length(const Metadata& metadata, const char* name, const std::vector<gguf_type>& types, size_t tokens) {
    const auto id = metadata.array(name, types);
    if (!id) return;
    const size_t length = gguf_get_arr_n(metadata.header(), *id);
    if (length >= tokens) return;
    throw Fault("has " + std::to_string(tokens) + " tokens, but only " + std::to_string(length) + " values of " + name);
}

/** SentencePiece writes what it has no token for as bytes: all of them are there, or none. */
void check_bytes(const std::unordered_set<std::string_view>& tokens) {
    size_t found = 0;
    std::string missing;
    for (unsigned byte = 0; byte < 256; byte++) {
        std::array<char, 8> name{};
        std::snprintf(name.data(), name.size(), "<0x%02X>", byte);
        if (tokens.count(name.data()) > 0)
            found++;
        else if (const char self = static_cast<char>(byte); tokens.count(std::string_view(&self, 1)) == 0)
            missing = name.data();
    }
    if (found > 0 && !missing.empty()) throw Fault("has no " + missing + " among tokenizer.ggml.tokens");
}

}  // namespace

size_t check_tokenizer(const Metadata& metadata) {
    const gguf_context* header = metadata.header();
    const auto model = metadata.text("tokenizer.ggml.model");
    if (!model) throw Fault("does not name its tokenizer (tokenizer.ggml.model)");
    if (*model == "none" || *model == "no_vocab")
        throw Fault("has no vocabulary, and without one it neither reads nor writes text");
    const bool merges = has(kWithMerges, *model);
    if (!merges && !has(kTokenizers, *model)) throw Fault("needs the unknown tokenizer \"" + *model + "\"");
    if (merges && !metadata.array("tokenizer.ggml.merges", {GGUF_TYPE_STRING}) &&
        metadata.text("tokenizer.ggml.pre") != "kimi-k2") {
        throw Fault("lacks the merges of its tokenizer (tokenizer.ggml.merges)");
    }
    const auto list = metadata.array("tokenizer.ggml.tokens", {GGUF_TYPE_STRING});
    const size_t count = list ? gguf_get_arr_n(header, *list) : 0;
    if (count == 0) throw Fault("has no tokens (tokenizer.ggml.tokens)");
    check_length(metadata, "tokenizer.ggml.scores", {GGUF_TYPE_FLOAT32, GGUF_TYPE_INT32}, count);
    check_length(metadata, "tokenizer.ggml.token_type", {GGUF_TYPE_INT32}, count);
    std::unordered_set<std::string_view> tokens(count);
    std::deque<std::string> names;
    for (size_t i = 0; i < count; i++) {
        std::string_view token = gguf_get_arr_str(header, *list, i);
        // As llama.cpp names it.
        if (token.empty()) token = names.emplace_back("[EMPTY_" + std::to_string(i) + "]");
        if (!tokens.insert(token).second) {
            throw Fault("has one token twice: number " + std::to_string(i) +
                        " of tokenizer.ggml.tokens equals an earlier one");
        }
    }
    if (*model == "llama") check_bytes(tokens);
    return count;
}

}  // namespace flash
