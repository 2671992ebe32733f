#include "gguf/architectures.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace flash {
namespace {

/** Those whose graphs assert nothing of a head. */
constexpr std::array<std::string_view, 53> kAnyHeads = {
    "arwkv7",
    "bailingmoe",
    "bailingmoe3",
    "deepseek2",
    "deepseek2-ocr",
    "deepseek32",
    "deepseek4",
    "dots3note",
    "falcon-h1",
    "gemma",
    "gemma-embedding",
    "gemma2",
    "gemma3",
    "gemma3n",
    "gemma4",
    "gemma4-assistant",
    "glm-dsa",
    "gpt-oss",
    "gptj",
    "granitemoe",
    "hrm_text",
    "hunyuan-dense",
    "hy_v4",
    "jamba",
    "jina-bert-v2",
    "jina-bert-v3",
    "kimi-k3",
    "kimi-linear",
    "lfm2",
    "lfm2moe",
    "llama-embed",
    "mamba",
    "mamba2",
    "mimo2",
    "minicpm",
    "minicpm3",
    "mistral4",
    "nemotron_h_moe",
    "nomic-bert",
    "nomic-bert-moe",
    "phimoe",
    "plamo2",
    "plamo3",
    "plm",
    "qwen3next",
    "qwen3tts",
    "qwen4exp",
    "rwkv6",
    "rwkv6qwen2",
    "rwkv7",
    "step35",
    "t5encoder",
    "wavtokenizer-dec",
};

/** Those whose graphs assert n_embd_head == n_embd_head_k. */
constexpr std::array<std::string_view, 37> kEqualHeads = {
    "afmoe",      "bailingmoe2", "bert",     "bitnet",     "bloom",       "chatglm", "cohere2",      "command-r",
    "dflash",     "eagle3",      "eurobert", "glm4",       "glm4moe",     "gpt2",    "gptneox",      "granitehybrid",
    "jais",       "laguna",      "maple",    "minimax-m3", "modern-bert", "mpt",     "muse-glimmer", "nanbeige",
    "nemotron_h", "neo-bert",    "openelm",  "phi2",       "phi3",        "qwen",    "qwen35",       "qwen35moe",
    "refact",     "spark2_5",    "stablelm", "starcoder",  "t5",
};

/** Those whose graphs assert n_embd_head == n_rot too. */
constexpr std::array<std::string_view, 61> kWhollyRotated = {
    "apertus",       "arcee",      "arctic",         "baichuan",    "chameleon",  "codeshell", "cogvlm",
    "cohere2moe",    "dbrx",       "deci",           "deepseek",    "dots1",      "dream",     "ernie4_5",
    "ernie4_5-moe",  "exaone",     "exaone-moe",     "exaone4",     "falcon",     "granite",   "granite_swa",
    "graniteswitch", "grok",       "grovemoe",       "hunyuan-moe", "hunyuan_vl", "hy_v3",     "internlm2",
    "jais2",         "llada",      "llada-moe",      "llama",       "llama4",     "maincoder", "mellum",
    "minimax-01",    "minimax-m2", "mistral3",       "nemotron",    "olmo",       "olmo2",     "olmoe",
    "orion",         "paddleocr",  "pangu-embedded", "plamo",       "pockettts",  "qwen2",     "qwen2moe",
    "qwen2vl",       "qwen3",      "qwen3moe",       "qwen3vl",     "qwen3vlmoe", "rnd1",      "seed_oss",
    "smallthinker",  "smollm3",    "starcoder2",     "talkie",      "xverse",
};

template <size_t Count>
bool has(const std::array<std::string_view, Count>& names, const std::string& name) {
    return std::binary_search(names.begin(), names.end(), std::string_view(name));
}

}  // namespace

std::optional<HeadRule> head_rule_of(const std::string& architecture) {
    if (has(kWhollyRotated, architecture)) return HeadRule::WhollyRotated;
    if (has(kEqualHeads, architecture)) return HeadRule::EqualKeysAndValues;
    if (has(kAnyHeads, architecture)) return HeadRule::Any;
    return std::nullopt;
}

}  // namespace flash
