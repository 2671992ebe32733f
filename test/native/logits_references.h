#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "llama_runner.h"
#include "model_writer.h"

namespace flint {

/** A model that stock llama.cpp and ours compute, of every family of kernels and every layout of experts. */
struct Subject {
    std::string name;
    Shape shape;
};
std::vector<Subject> subjects();
/** Of types that llama.cpp lays out anew on some processors. */
std::vector<Subject> laid_out_subjects();

constexpr const char* kGuessed = "experts: guessed before they are chosen";
constexpr const char* kGuessedFirst = "experts: guessed from the embedding";
constexpr const char* kGuessedAgain = "experts: guessed again and again";
constexpr const char* kGuessedNext = "experts: guessed from the likeliest token";

/** Of a subject, by its name. */
Shape shape_of(const std::string& name);
std::string path_of(const std::string& name);

/** A downloaded model, where the environment names one. */
std::string real_model();

/** What stock llama.cpp says, by path. Computed for all at once: afterwards the flash backend is loaded. */
const std::map<std::string, Logits>& references();

/** After a path: what it says of a long prompt with its own layouts. */
constexpr const char* kLaidOut = ", laid out";
/** Enough for rows to be laid out for them, and no multiple of what kernels take at once. */
constexpr uint32_t kLongPromptTokens = 203;
Run long_prompt(bool repack, std::optional<uint64_t> ram_cap);

/** After a path: what it says when most tokens are the likeliest. */
constexpr const char* kLikeliest = ", likeliest tokens";
Run likeliest_tokens(std::optional<uint64_t> ram_cap);

/** After a path: what it says of so few tokens that half of the experts are enough. */
constexpr const char* kFew = ", few tokens";
Run few_tokens(std::optional<uint64_t> ram_cap);

/** @throws std::runtime_error that says how many differ, by how much and from where on */
void check_same_bits(const Logits& actual, const Logits& expected);

}  // namespace flint
